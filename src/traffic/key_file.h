#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/traffic/key.h"

namespace weir::traffic {

/// What a key file says.
struct KeyFile {
  std::vector<std::pair<std::string, Key>> keys;  // hash ("sha256:<hex>") and whose it is
  Rules rules;
};

/// `name` is the file's, for messages: "keys.toml:12: ...". Errors: invalid_argument.
Result<KeyFile> parse_key_file(std::string_view toml, std::string_view name);

}  // namespace weir::traffic
