#pragma once

#include <httplib.h>

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::http {

/// Tells requests that a foreign web page may have made a browser send. A daemon that wants no key
/// must not answer them: the browser reaches loopback too, and knows no secret that the page lacks.
/// Thread-safe.
class BrowserGuard {
 public:
  struct Trust {
    std::vector<std::string> hosts;    // beside loopback's names; "*": any
    std::vector<std::string> origins;  // whose pages may call the API; "*": all
  };
  explicit BrowserGuard(Trust trust) : trust_(std::move(trust)) {}

  /// Errors: permission_denied. The Host may be the page's own name, which its owner has let point
  /// at us (DNS rebinding), or the body has a type that a browser posts without asking first.
  Result<void> check(const httplib::Request& request) const;

 private:
  Result<void> check_host(const httplib::Request& request) const;
  Result<void> check_origin(const httplib::Request& request) const;

  const Trust trust_;
};

}  // namespace weir::http
