#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "weir/base/result.h"
#include "weir/traffic/key.h"

namespace weir::app {

/// Reached from this machine only: localhost, 127.0.0.0/8, ::1.
bool is_loopback(const std::string& host);

/// The hosts that the HTTP server takes without keys: any where others than this machine are served
/// on purpose and nothing is listed.
std::vector<std::string> allowed_hosts(const Config& config);

/// The keys of a configuration: the key file's and the one by flag. Errors: a wrong key file; no
/// key at all on an address that others reach, unless insecure-no-auth says so.
Result<std::shared_ptr<const traffic::KeyStore>> open_keys(const Config& config);

}  // namespace weir::app
