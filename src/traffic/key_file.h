#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/traffic/key.h"

namespace weir::traffic {

/// The content of a key file.
struct KeyFile {
  std::vector<std::pair<std::string, Key>> keys;  // hash ("sha256:<hex>") and its key
  Rules rules;
};

/// `name`: the file's, for messages such as "keys.toml:12: ...". Errors: invalid_argument.
Result<KeyFile> parse_key_file(std::string_view toml, std::string_view name);

}  // namespace weir::traffic
