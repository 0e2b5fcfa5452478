#include "http/error_reply.h"

#include <httplib.h>

#include <algorithm>
#include <chrono>

#include "http/json_text.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

constexpr const char* kInvalid = "invalid_request_error";

milliseconds usual_wait(Code code) {
  if (code == Code::overloaded || code == Code::rate_limited) return milliseconds{1000};
  return code == Code::unavailable ? milliseconds{5000} : milliseconds{0};
}

void set_retry_headers(const Error& error, httplib::Response& response) {
  // The official SDKs retry every 429 and 5xx unless told not to.
  const bool never = error.code == Code::never_fits || error.code == Code::deadline;
  if (never || error.never_retry) response.set_header("x-should-retry", "false");
  milliseconds wait = usual_wait(error.code);
  if (wait == milliseconds{0} || (error.never_retry && !error.retry_after)) return;
  wait = std::max(error.retry_after.value_or(wait), milliseconds{1});
  auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  response.set_header("Retry-After", std::to_string(seconds));
  response.set_header("retry-after-ms", std::to_string(wait.count()));
}

void set_line_headers(const Error& error, httplib::Response& response) {
  if (error.queue_position)
    response.set_header("x-weir-queue-position", std::to_string(*error.queue_position));
  if (error.predicted_wait)
    response.set_header("x-weir-predicted-wait-ms", std::to_string(error.predicted_wait->count()));
}

}  // namespace

ErrorShape shape_of(const Error& error) {
  const char* unit = error.limit_unit.empty() ? "requests" : error.limit_unit.c_str();
  switch (error.code) {
    case Code::invalid_argument:
      return {400, kInvalid, nullptr};
    case Code::unauthenticated:
      return {401, kInvalid, "invalid_api_key"};
    case Code::permission_denied:
      return {403, kInvalid, "insufficient_permissions"};
    case Code::not_found:
      return {404, kInvalid, error.param == "model" ? "model_not_found" : "not_found"};
    case Code::method_not_allowed:
      return {405, kInvalid, "method_not_allowed"};
    case Code::too_large:
      return {413, kInvalid, "request_too_large"};
    case Code::unsupported_media:
      return {415, kInvalid, "unsupported_media_type"};
    case Code::rate_limited:
      return {429, unit, error.never_retry ? "insufficient_quota" : "rate_limit_exceeded"};
    case Code::never_fits:
      return {429, unit, "rate_limit_exceeded"};
    case Code::overloaded:
      return {503, "server_error", "overloaded"};
    case Code::unavailable:
      return {503, "server_error", "unavailable"};
    case Code::deadline:
      return {504, "server_error", "deadline_exceeded"};
    case Code::cancelled:
      return {499, "server_error", "cancelled"};
    case Code::internal:
      break;
  }
  return {500, "server_error", "internal_error"};
}

std::string error_body(const Error& error) {
  ErrorShape shape = shape_of(error);
  // A fault that has a name is the model's own, and no secret of the server's.
  bool hidden = error.code == Code::internal && error.name == nullptr;
  std::string body = R"({"error":{"message":)";
  append_json(body, hidden ? "the server failed to answer this request" : error.message);
  body += R"(,"type":)";
  append_json(body, shape.type);
  body += R"(,"param":)";
  error.param.empty() ? body += "null" : append_json(body, error.param);
  body += R"(,"code":)";
  const char* code = error.name ? error.name : shape.code;
  code ? append_json(body, code) : body += "null";
  return body += "}}";
}

void write_error(const Error& error, int overload_status, httplib::Response& response) {
  response.status = error.code == Code::overloaded ? overload_status : shape_of(error).status;
  response.set_content(error_body(error), "application/json");
  if (error.code == Code::unauthenticated) response.set_header("WWW-Authenticate", "Bearer");
  set_retry_headers(error, response);
  set_line_headers(error, response);
}

}  // namespace weir::http
