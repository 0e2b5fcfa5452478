#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "weir/base/result.h"
#include "weir/traffic/key.h"

namespace weir::app {

/// Whether only this machine reaches the address: localhost, 127.0.0.0/8, ::1.
bool is_loopback(const std::string& host);

/// The hosts that the HTTP server takes without keys. If other machines are served on purpose and
/// no host is listed, any host is taken.
std::vector<std::string> allowed_hosts(const Config& config);

/// The keys of a configuration: those of the key file and the one given by a flag. Errors: a wrong
/// key file; no key on an address that other machines reach, unless insecure-no-auth is set.
Result<std::shared_ptr<const traffic::KeyStore>> open_keys(const Config& config);

}  // namespace weir::app
