#include "api/openai/vector_text.h"

#include <bit>

#include "api/json_text.h"

namespace weir::api::openai {

static_assert(std::endian::native == std::endian::little, "base64 vectors are little-endian");

void append_vector(std::string& out, const std::vector<float>& vector, bool as_base64) {
  if (!as_base64) {
    append_json(out, std::span<const float>(vector));
    return;
  }
  auto* bytes = reinterpret_cast<const char*>(vector.data());
  append_json(out, base64({bytes, vector.size() * sizeof(float)}));
}

}  // namespace weir::api::openai
