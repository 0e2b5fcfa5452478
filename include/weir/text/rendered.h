#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::text {

/// A conversation that a chat template has rendered.
struct Rendered {
  std::string text;
  /// Ascending offsets of characters in `text` that may not be part of a control token. Wherever a
  /// client wrote the text of a control token, one of its characters is listed here.
  std::vector<uint32_t> plain;
};

}  // namespace weir::text
