#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::text {

/// The JSON object in the text of the file `name`; an empty text is an empty object. Errors:
/// invalid_argument, if it is no object.
Result<nlohmann::json> parse_object(std::string_view name, std::string_view text);

/// The template of a parsed tokenizer_config.json: a string, or the one named "default" of a list.
/// None: it has none. Errors: invalid_argument, if the file has another form, or its list has no
/// "default".
Result<std::optional<std::string>> template_of(std::string_view tokenizer_config);

/// A JSON object from the names of special tokens (`bos_token` and the like) to their texts. In the
/// files a text is a string or an object with `content`. tokenizer_config.json goes before
/// special_tokens_map.json. Either may be empty.
Result<std::string> special_tokens_of(std::string_view tokenizer_config,
                                      std::string_view special_tokens_map);

}  // namespace weir::text
