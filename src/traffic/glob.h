#pragma once

#include <string_view>

namespace weir::traffic {

/// `*` is any text, also none; `?` is any one byte; all else is itself. Linear space, no recursion.
bool glob_matches(std::string_view glob, std::string_view text);

}  // namespace weir::traffic
