#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::text {

/// What a chat template made of a conversation.
struct Rendered {
  std::string text;
  /// Offsets, rising, of characters of `text` that no control token may hold: each text of one that
  /// a client wrote has such a character.
  std::vector<uint32_t> plain;
};

}  // namespace weir::text
