#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::text {

/// The object in the text of the file `name`; an empty text is an empty object. Errors:
/// invalid_argument where it is none.
Result<nlohmann::json> parse_object(std::string_view name, std::string_view text);

/// The template of a parsed tokenizer_config.json: a string, or the one named "default" of a list.
/// None: it has none. Errors: invalid_argument where the file is not what it should be, or its list
/// has no "default".
Result<std::optional<std::string>> template_of(std::string_view tokenizer_config);

/// Names to texts of the special tokens (`bos_token` and the like; a string or an object with
/// `content`), as a JSON object. tokenizer_config.json is believed over special_tokens_map.json;
/// either may be empty.
Result<std::string> special_tokens_of(std::string_view tokenizer_config,
                                      std::string_view special_tokens_map);

}  // namespace weir::text
