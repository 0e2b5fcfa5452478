#pragma once

#include <httplib.h>

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::http {

/// Finds requests that a foreign web page may have made a browser send. A daemon that wants no key
/// must refuse them: a browser reaches loopback too, and no secret tells its user's requests from
/// the page's. Thread-safe.
class BrowserGuard {
 public:
  struct Trust {
    std::vector<std::string> hosts;    // beside loopback's names; "*": any
    std::vector<std::string> origins;  // their pages may call the API; "*": all
  };
  explicit BrowserGuard(Trust trust) : trust_(std::move(trust)) {}

  /// Errors: permission_denied, in two cases. The Host may be the foreign page's own name, whose
  /// DNS entry its owner has pointed at this daemon (DNS rebinding). Or the body has a type that a
  /// browser posts to a foreign site without asking first.
  Result<void> check(const httplib::Request& request) const;

 private:
  Result<void> check_host(const httplib::Request& request) const;
  Result<void> check_origin(const httplib::Request& request) const;

  const Trust trust_;
};

}  // namespace weir::http
