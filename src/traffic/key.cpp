#include "weir/traffic/key.h"

#include <algorithm>

#include "traffic/glob.h"

namespace weir::traffic {

bool Key::may_use(std::string_view model) const {
  return std::any_of(models.begin(), models.end(),
                     [&](const std::string& glob) { return glob_matches(glob, model); });
}

bool Key::has(Scope scope) const {
  return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

Result<void> check_key_name(std::string_view name) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (!name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed)) {
    return {};
  }
  return invalid("key name \"" + std::string(name) +
                 "\": 1 to 64 of A-Z a-z 0-9 . _ - are allowed");
}

}  // namespace weir::traffic
