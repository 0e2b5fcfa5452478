#pragma once

#include <optional>
#include <string>

#include "weir/base/result.h"

namespace weir::text {

/// The file's bytes, or none where there is no such file. Errors: those of read_text_file.
Result<std::optional<std::string>> read_file(const std::string& path);

}  // namespace weir::text
