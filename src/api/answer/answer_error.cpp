#include "api/answer/answer_error.h"

#include <algorithm>
#include <chrono>

#include "api/openai/handlers.h"
#include "weir/api/route.h"

namespace weir::api {
namespace {

using std::chrono::milliseconds;

milliseconds usual_wait(Code code) {
  if (code == Code::overloaded || code == Code::rate_limited) return milliseconds{1000};
  return code == Code::unavailable ? milliseconds{5000} : milliseconds{0};
}

void add_retry_headers(const Error& error, HeaderLines& headers) {
  // The official SDKs retry every 429 and 5xx unless this header forbids it.
  const bool never = error.code == Code::never_fits || error.code == Code::deadline;
  if (never || error.never_retry) headers.emplace_back("x-should-retry", "false");
  milliseconds wait = usual_wait(error.code);
  if (wait == milliseconds{0} || (error.never_retry && !error.retry_after)) return;
  wait = std::max(error.retry_after.value_or(wait), milliseconds{1});
  auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  headers.emplace_back("Retry-After", std::to_string(seconds));
  headers.emplace_back("retry-after-ms", std::to_string(wait.count()));
}

void add_line_headers(const Error& error, HeaderLines& headers) {
  if (error.queue_position)
    headers.emplace_back("x-weir-queue-position", std::to_string(*error.queue_position));
  if (error.predicted_wait)
    headers.emplace_back("x-weir-predicted-wait-ms", std::to_string(error.predicted_wait->count()));
}

}  // namespace

int status_of(const Error& error, const Api& api) {
  switch (error.code) {
    case Code::invalid_argument:
      return 400;
    case Code::unauthenticated:
      return 401;
    case Code::permission_denied:
      return 403;
    case Code::not_found:
      return 404;
    case Code::method_not_allowed:
      return 405;
    case Code::too_large:
      return 413;
    case Code::unsupported_media:
      return 415;
    case Code::rate_limited:
    case Code::never_fits:
      return 429;
    case Code::overloaded:
      return api.options.overload_status;
    case Code::unavailable:
      return 503;
    case Code::deadline:
      return 504;
    case Code::cancelled:
      return 499;
    case Code::internal:
      break;
  }
  return 500;
}

Said answer_error(const Error& error, const Route* route, const Api& api) {
  const Dialect& dialect = route ? *route->dialect : openai::kDialect;
  Said said{.status = status_of(error, api), .body = dialect.error_body(error)};
  if (error.code == Code::unauthenticated && !dialect.secret_scheme.empty())
    said.headers.emplace_back("WWW-Authenticate", dialect.secret_scheme);
  add_retry_headers(error, said.headers);
  add_line_headers(error, said.headers);
  return said;
}

}  // namespace weir::api
