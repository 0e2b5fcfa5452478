#include "api/openai/error_text.h"

#include "api/json_text.h"

namespace weir::api::openai {
namespace {

constexpr const char* kInvalid = "invalid_request_error";

/// `type` may point into the error. `code` may be null, as OpenAI's code may be for a wrong
/// request.
struct ErrorWords {
  const char* type;
  const char* code;
};

ErrorWords words_of(const Error& error) {
  const char* unit = error.limit_unit.empty() ? "requests" : error.limit_unit.c_str();
  switch (error.code) {
    case Code::invalid_argument:
      return {kInvalid, nullptr};
    case Code::unauthenticated:
      return {kInvalid, "invalid_api_key"};
    case Code::permission_denied:
      return {kInvalid, "insufficient_permissions"};
    case Code::not_found:
      return {kInvalid, error.param == "model" ? "model_not_found" : "not_found"};
    case Code::method_not_allowed:
      return {kInvalid, "method_not_allowed"};
    case Code::too_large:
      return {kInvalid, "request_too_large"};
    case Code::unsupported_media:
      return {kInvalid, "unsupported_media_type"};
    case Code::rate_limited:
      return {unit, error.never_retry ? "insufficient_quota" : "rate_limit_exceeded"};
    case Code::never_fits:
      return {unit, "rate_limit_exceeded"};
    case Code::overloaded:
      return {"server_error", "overloaded"};
    case Code::unavailable:
      return {"server_error", "unavailable"};
    case Code::deadline:
      return {"server_error", "deadline_exceeded"};
    case Code::cancelled:
      return {"server_error", "cancelled"};
    case Code::internal:
      break;
  }
  return {"server_error", "internal_error"};
}

}  // namespace

std::string error_body(const Error& error) {
  const ErrorWords words = words_of(error);
  // An internal error with a name is the model's own fault, and no secret of the server.
  bool hidden = error.code == Code::internal && error.name == nullptr;
  std::string body = R"({"error":{"message":)";
  append_json(body, hidden ? "the server failed to answer this request" : error.message);
  body += R"(,"type":)";
  append_json(body, words.type);
  body += R"(,"param":)";
  error.param.empty() ? body += "null" : append_json(body, error.param);
  body += R"(,"code":)";
  const char* code = error.name ? error.name : words.code;
  code ? append_json(body, code) : body += "null";
  return body += "}}";
}

}  // namespace weir::api::openai
