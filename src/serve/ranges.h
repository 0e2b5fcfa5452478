#pragma once

#include <spdlog/fmt/fmt.h>

#include "weir/base/error_name.h"
#include "weir/base/result.h"

namespace weir::serve {

/// Errors: invalid_argument that names the field, the value and the range. NaN is in no range.
inline Result<void> check_range(const char* name, float value, float low, float high) {
  if (value >= low && value <= high) return {};
  return invalid(fmt::format("{} is {}; {} to {} is allowed", name, value, low, high), name,
                 value < low ? error_name::kDecimalBelowMin : error_name::kDecimalAboveMax);
}

}  // namespace weir::serve
