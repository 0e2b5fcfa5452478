#include <httplib.h>

#include <bit>

#include "http/answer/answer.h"
#include "http/answer/dry_run.h"
#include "http/codec/requests.h"
#include "http/json_text.h"
#include "http/read_request.h"
#include "http/route.h"

namespace weir::http {
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

std::string embeddings_text(Exchange& exchange, const serve::Embeddings& embeddings,
                            bool as_base64) {
  std::string out = R"({"id":)";
  append_json(out, "embd-" + exchange.daemon.new_id());
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

Result<void> post_embeddings(Exchange& exchange, httplib::Response& response) {
  auto embedding = read_request(exchange, decode_embedding);
  if (!embedding) return embedding.error();
  exchange.body = {};
  apply(embedding->handling, exchange.caller);
  if (exchange.dry_run) return answer_dry_run(exchange, response, embedding->request, false);
  exchange.asked = true;
  auto embeddings = exchange.daemon.service.embed(embedding->request, exchange.caller);
  if (!embeddings) return embeddings.error();
  set_server_timing(response, embeddings->usage);
  answer_json(response, embeddings_text(exchange, *embeddings, embedding->base64));
  return {};
}

}  // namespace weir::http
