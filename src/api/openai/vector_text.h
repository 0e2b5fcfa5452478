#pragma once

#include <string>
#include <vector>

namespace weir::api::openai {

/// A vector as numbers, or as the base64 of its little-endian float32.
void append_vector(std::string& out, const std::vector<float>& vector, bool as_base64);

}  // namespace weir::api::openai
