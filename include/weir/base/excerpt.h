#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

/// A name or value that a client made up, as an error may repeat it: at most `most` bytes of it,
/// never part of a character, and an ellipsis where something is missing.
inline std::string excerpt(std::string_view text, size_t most = 64) {
  if (text.size() <= most) return std::string(text);
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace weir
