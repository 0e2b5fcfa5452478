#include "http/browser_guard.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/host.h"
#include "http/request_checks.h"
#include "weir/base/excerpt.h"

namespace weir::http {
namespace {

constexpr std::string_view kAny = "*";

bool holds(const std::vector<std::string>& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& each) {
    return each == kAny || is_same_word(each, name);
  });
}

Error denied(std::string header, std::string message, const char* name) {
  return {.code = Code::permission_denied,
          .message = std::move(message),
          .param = std::move(header),
          .name = name};
}

}  // namespace

Result<void> BrowserGuard::check(const httplib::Request& request) const {
  if (auto host = check_host(request); !host) return host;
  return check_origin(request);
}

Result<void> BrowserGuard::check_host(const httplib::Request& request) const {
  if (!request.has_header("Host")) return {};  // every browser sends it
  const std::string host = request.get_header_value("Host");
  const std::string_view name = host_name(host);
  if (is_loopback_name(name) || holds(trust_.hosts, name)) return {};
  return denied("Host",
                fmt::format("host \"{}\" is not taken: without keys only loopback's names are, and "
                            "those of --allowed-hosts",
                            excerpt(name)),
                "host_not_allowed");
}

// A page may post any other type than JSON to any site. Before it posts JSON the browser asks the
// site (CORS), and the answer is no.
Result<void> BrowserGuard::check_origin(const httplib::Request& request) const {
  if (request.method != "POST" || is_same_word(media_type(request), "application/json")) return {};
  const std::string origin = request.get_header_value("Origin");
  if (!origin.empty() && holds(trust_.origins, origin)) return {};
  const size_t scheme = origin.find("://");
  const bool is_own = scheme != std::string::npos &&
                      is_same_word(origin.substr(scheme + 3), request.get_header_value("Host"));
  const bool is_foreign =
      origin.empty() ? is_same_word(request.get_header_value("Sec-Fetch-Site"), "cross-site")
                     : !is_own;
  if (!is_foreign) return {};
  const std::string from = origin.empty() ? "another site" : '"' + excerpt(origin) + '"';
  return denied("Origin",
                fmt::format("a page of {} may not post this: send Content-Type application/json "
                            "from an origin that --cors-origins lists",
                            from),
                "origin_not_allowed");
}

}  // namespace weir::http
