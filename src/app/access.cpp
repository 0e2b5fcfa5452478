#include "app/access.h"

namespace weir::app {

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

std::vector<std::string> allowed_hosts(const Config& config) {
  const bool any = config.allowed_hosts.empty() && !is_loopback(config.host);
  return any ? std::vector<std::string>{"*"} : config.allowed_hosts;
}

Result<std::shared_ptr<const traffic::KeyStore>> open_keys(const Config& config) {
  auto keys = traffic::KeyStore::open();
  if (!config.keys.empty()) {
    auto loaded = traffic::KeyStore::load(config.keys);
    if (!loaded) return invalid("keys: " + loaded.error().message, "keys");
    keys = *loaded;
  }
  if (!config.api_key.empty()) keys = keys->with_secret(config.api_key);
  if (keys->is_open() && !is_loopback(config.host) && !config.insecure_no_auth) {
    return invalid(
        "host " + config.host +
        " is reached from other machines and there is no key: give --keys FILE, --api-key KEY"
        " (WEIR_API_KEY) or, to serve everybody, --insecure-no-auth");
  }
  return keys;
}

}  // namespace weir::app
