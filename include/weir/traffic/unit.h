#pragma once

#include <string>

#include "weir/traffic/key.h"

namespace weir::traffic {

/// The unit's word in the key file: "input_tokens", "concurrent".
const char* word_of(Unit unit);

/// The unit in words, with `between` between them: "input tokens", "concurrent-requests".
std::string words_of(Unit unit, char between);

}  // namespace weir::traffic
