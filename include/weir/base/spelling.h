#pragma once

#include <cstddef>
#include <string_view>

namespace weir {

/// Whether `a` becomes `b` by at most `most` edits: a letter left out, put in, or another, or two
/// neighbours swapped. Time grows as 4 to the power of `most`: meant for 1 and 2.
bool edits_at_most(std::string_view a, std::string_view b, size_t most);

}  // namespace weir
