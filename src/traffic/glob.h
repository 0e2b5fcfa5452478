#pragma once

#include <string_view>

namespace weir::traffic {

/// `*` matches any text, also an empty one; `?` matches any one byte; other bytes match themselves.
/// Linear space, no recursion.
bool glob_matches(std::string_view glob, std::string_view text);

}  // namespace weir::traffic
