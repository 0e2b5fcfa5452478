#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

namespace weir::app {

using TableRow = std::vector<std::string>;

/// Prints rows of equal length as columns, the first row as the others. The first `words` columns
/// are left-aligned; numbers follow, right-aligned.
void print_table(const std::vector<TableRow>& rows, size_t words, std::ostream& out);

}  // namespace weir::app
