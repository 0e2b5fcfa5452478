#pragma once

#include <string>

#include "api/codec/json_reader.h"

namespace weir::api {

/// A schema in words, on one line: "integer, 0 to 9, or null". Not escaped for HTML.
std::string schema_words(const Json& schema);

}  // namespace weir::api
