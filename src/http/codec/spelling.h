#pragma once

#include <cstddef>
#include <string_view>

namespace weir::http {

/// Whether `a` becomes `b` by at most `most` edits: a letter left out, put in, or another, or two
/// neighbours swapped. Takes most x length.
bool edits_at_most(std::string_view a, std::string_view b, size_t most);

}  // namespace weir::http
