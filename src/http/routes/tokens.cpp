#include <httplib.h>

#include "http/answer/answer.h"
#include "http/codec/requests.h"
#include "http/json_text.h"
#include "http/read_request.h"
#include "http/route.h"

namespace weir::http {

Result<void> post_tokenize(Exchange& exchange, httplib::Response& response) {
  auto request = read_request(exchange, decode_tokenize);
  if (!request) return request.error();
  auto tokens = exchange.daemon.service.tokenize(*request, exchange.caller);
  if (!tokens) return tokens.error();
  std::string out = R"({"model":)";
  append_json(out, tokens->model);
  out += R"(,"count":)";
  append_json(out, static_cast<int64_t>(tokens->ids.size()));
  out += R"(,"max_model_len":)";
  append_json(out, int64_t{tokens->max_model_len});
  out += R"(,"tokens":)";
  append_json(out, std::span<const int32_t>(tokens->ids));
  if (request->with_pieces) {
    out += R"(,"token_strs":[)";
    for (size_t i = 0; i < tokens->pieces.size(); ++i) {
      if (i > 0) out += ',';
      append_json(out, tokens->pieces[i]);
    }
    out += ']';
  }
  answer_json(response, out += '}');
  return {};
}

Result<void> post_detokenize(Exchange& exchange, httplib::Response& response) {
  auto request = read_request(exchange, decode_detokenize);
  if (!request) return request.error();
  auto text = exchange.daemon.service.detokenize(request->model, request->ids, exchange.caller);
  if (!text) return text.error();
  std::string out = R"({"prompt":)";
  append_json(out, *text);
  answer_json(response, out += '}');
  return {};
}

}  // namespace weir::http
