#pragma once

#include <optional>
#include <string>

#include "weir/base/result.h"

namespace weir::text {

/// The file's bytes, or none where there is no such file. Errors: internal where it is there and
/// cannot be read.
Result<std::optional<std::string>> read_file(const std::string& path);

}  // namespace weir::text
