#include "api/answer/dry_run.h"
#include "api/answer/readings.h"
#include "api/codec/requests.h"
#include "api/openai/handlers.h"
#include "api/openai/vector_text.h"
#include "api/routes/read_and_answer.h"

namespace weir::api::openai {
Result<Said> post_embeddings(Call& call, Api& api) {
  constexpr ListForm kForm{.id = "embd-", .item = R"({"object":"embedding","index":)"};
  return read_and_answer(
      call, api, decode_embedding, kForm,
      [](std::string& out, const serve::Answer& answer, const DecodedEmbedding& asked) {
        append_vector(out += R"(,"embedding":)", std::get<serve::Vector>(answer), asked.base64);
      });
}

}  // namespace weir::api::openai
