#pragma once

#include <string>
#include <utility>

#include "weir/base/result.h"

/// OpenAI's names of errors, as its API answers them in `code` (`Error::name`). Clients branch on
/// them, so they are spelt as OpenAI spells them; docs/api.md says which error has which.
namespace weir::error_name {

inline constexpr const char* kContextLengthExceeded = "context_length_exceeded";

inline constexpr const char* kMissingParameter = "missing_required_parameter";
inline constexpr const char* kUnknownParameter = "unknown_parameter";
inline constexpr const char* kUnsupportedParameter = "unsupported_parameter";
inline constexpr const char* kUnsupportedValue = "unsupported_value";
inline constexpr const char* kInvalidType = "invalid_type";
inline constexpr const char* kInvalidValue = "invalid_value";

inline constexpr const char* kIntegerBelowMin = "integer_below_min_value";
inline constexpr const char* kIntegerAboveMax = "integer_above_max_value";
inline constexpr const char* kDecimalBelowMin = "decimal_below_min_value";
inline constexpr const char* kDecimalAboveMax = "decimal_above_max_value";
inline constexpr const char* kStringBelowMin = "string_below_min_length";
inline constexpr const char* kStringAboveMax = "string_above_max_length";
inline constexpr const char* kEmptyArray = "empty_array";
inline constexpr const char* kArrayAboveMax = "array_above_max_length";

}  // namespace weir::error_name

namespace weir {

/// A wrong request by its name. `name`: one of error_name, or null.
inline Error invalid(std::string message, std::string param, const char* name) {
  Error error = invalid(std::move(message), std::move(param));
  error.name = name;
  return error;
}

}  // namespace weir
