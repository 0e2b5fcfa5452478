#pragma once

#include <string>

#include "weir/traffic/key.h"

namespace weir::traffic {

/// As the key file writes it: "input_tokens", "concurrent".
const char* word_of(Unit unit);

/// In words with `between` them: "input tokens", "concurrent-requests".
std::string words_of(Unit unit, char between);

}  // namespace weir::traffic
