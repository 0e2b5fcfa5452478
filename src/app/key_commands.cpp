#include <iostream>

#include "app/commands.h"
#include "weir/traffic/key.h"

namespace weir::app {

int key_new(const std::string& name, std::ostream& out, std::ostream& secret) {
  auto key = traffic::make_key(name);
  if (!key) return fail(kWrongSetting, key.error());
  // Not into one stream: so `weir key new web >> keys.toml` keeps the secret out of the file.
  out << key->toml << std::flush;
  if (!out) return fail(kFailed, unwritable_output());
  secret << key->secret << std::endl;
  return 0;
}

int key_hash(std::istream& in, std::ostream& out) {
  std::string secret;
  std::getline(in, secret);
  if (!secret.empty() && secret.back() == '\r') secret.pop_back();
  if (secret.empty()) return fail(kWrongSetting, invalid("standard input holds no key"));
  out << traffic::hash_secret(secret) << "\n";
  return 0;
}

int key_check(const std::string& path, std::ostream& out) {
  auto store = traffic::KeyStore::load(path);
  if (!store) return fail(kFailed, store.error());
  out << path << ": keys " << (*store)->size() << ", tenants with limits "
      << (*store)->rules().tenants.size() << ", models with limits "
      << (*store)->rules().models.size() << "\n";
  return 0;
}

}  // namespace weir::app
