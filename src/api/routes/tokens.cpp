#include "api/answer/answer.h"
#include "api/codec/requests.h"
#include "api/json_text.h"
#include "api/read_request.h"
#include "api/routes/handlers.h"

namespace weir::api {

Result<Said> post_tokenize(Call& call, Api& api) {
  auto request = read_request(call, api, decode_tokenize);
  if (!request) return request.error();
  auto tokens = api.service.tokenize(*request, call.caller);
  if (!tokens) return tokens.error();
  std::string out = R"({"model":)";
  append_json(out, tokens->model);
  out += R"(,"count":)";
  append_json(out, static_cast<int64_t>(tokens->ids.size()));
  out += R"(,"max_model_len":)";
  append_json(out, int64_t{tokens->max_model_len});
  if (tokens->max_source_len)
    append_json(out += R"(,"max_source_len":)", int64_t{*tokens->max_source_len});
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
  return answer_json(out += '}');
}

Result<Said> post_detokenize(Call& call, Api& api) {
  auto request = read_request(call, api, decode_detokenize);
  if (!request) return request.error();
  auto text = api.service.detokenize(request->model, request->ids, call.caller);
  if (!text) return text.error();
  std::string out = R"({"prompt":)";
  append_json(out, *text);
  return answer_json(out += '}');
}

}  // namespace weir::api
