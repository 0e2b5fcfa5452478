#pragma once

#include <string>

#include "weir/base/error_name.h"

/// The refusals of an input of which nothing is left to read. `name`: its field.
namespace weir::serve {

/// Of a text, or of a pair of which both texts are empty.
inline Error no_text(const std::string& name) {
  return invalid(name + " is empty", name, error_name::kStringBelowMin);
}

/// Of a list of ids.
inline Error no_ids(const std::string& name) {
  return invalid(name + " is empty", name, error_name::kEmptyArray);
}

/// Of a text that the tokenizer makes nothing of.
inline Error no_tokens(const std::string& name) {
  return invalid(name + " has no tokens", name, error_name::kInvalidValue);
}

}  // namespace weir::serve
