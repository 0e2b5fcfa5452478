#include <bit>

#include "api/answer/answer.h"
#include "api/answer/dry_run.h"
#include "api/codec/requests.h"
#include "api/json_text.h"
#include "api/openai/handlers.h"
#include "api/read_request.h"

namespace weir::api::openai {
namespace {

static_assert(std::endian::native == std::endian::little, "base64 vectors are little-endian");

void append_vector(std::string& out, const std::vector<float>& vector, bool as_base64) {
  if (!as_base64) {
    append_json(out, std::span<const float>(vector));
    return;
  }
  auto* bytes = reinterpret_cast<const char*>(vector.data());
  append_json(out, base64({bytes, vector.size() * sizeof(float)}));
}

std::string embeddings_text(Api& api, const serve::Embeddings& embeddings, bool as_base64) {
  std::string out = R"({"id":)";
  append_json(out, "embd-" + api.new_id());
  out += R"(,"object":"list","created":)";
  append_json(out, unix_seconds());
  out += R"(,"model":)";
  append_json(out, embeddings.model);
  out += R"(,"data":[)";
  for (size_t i = 0; i < embeddings.vectors.size(); ++i) {
    out += i > 0 ? R"(,{"object":"embedding","index":)" : R"({"object":"embedding","index":)";
    append_json(out, static_cast<int64_t>(i));
    out += R"(,"embedding":)";
    append_vector(out, embeddings.vectors[i], as_base64);
    out += '}';
  }
  out += R"(],"usage":{"prompt_tokens":)";
  append_json(out, int64_t{embeddings.usage.prompt_tokens});
  out += R"(,"total_tokens":)";
  append_json(out, int64_t{embeddings.usage.prompt_tokens});
  return out += "}}";
}

}  // namespace

Result<Said> post_embeddings(Call& call, Api& api) {
  auto embedding = read_request(call, api, decode_embedding);
  if (!embedding) return embedding.error();
  call.body = {};
  apply(embedding->handling, call.caller);
  if (call.dry_run) return answer_dry_run(call, api, embedding->request, false);
  call.asked = true;
  auto embeddings = api.service.embed(embedding->request, call.caller);
  if (!embeddings) return embeddings.error();
  Said said = answer_json(embeddings_text(api, *embeddings, embedding->base64));
  add_server_timing(said, embeddings->usage);
  return said;
}

}  // namespace weir::api::openai
