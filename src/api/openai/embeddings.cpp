#include "api/answer/answer.h"
#include "api/answer/dry_run.h"
#include "api/answer/readings.h"
#include "api/codec/requests.h"
#include "api/openai/handlers.h"
#include "api/openai/vector_text.h"
#include "api/read_request.h"

namespace weir::api::openai {
Result<Said> post_embeddings(Call& call, Api& api) {
  auto embedding = read_request(call, api, decode_embedding);
  if (!embedding) return embedding.error();
  call.body = {};
  apply(embedding->handling, call.caller);
  if (call.dry_run) return answer_dry_run(call, api, embedding->ask, false);
  auto read = read_answers(call, api, std::move(embedding->ask));
  if (!read) return read.error();
  constexpr ListForm kForm{.id = "embd-", .item = R"({"object":"embedding","index":)"};
  return answer_list(api, *read, kForm, [&](std::string& out, const serve::Answer& answer) {
    append_vector(out += R"(,"embedding":)", std::get<serve::Vector>(answer), embedding->base64);
  });
}

}  // namespace weir::api::openai
