#pragma once

#include <string_view>

namespace weir {

/// Writes `text` to standard error behind what the log has written, for a process that is about to
/// end: a reader that stands still holds it up for a second at most.
void last_words(std::string_view text);

}  // namespace weir
