#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

/// Bytes of the well-formed UTF-8 sequence that `text` starts with; 0 if there is none (RFC 3629).
/// REQUIRES: `text` is not empty.
size_t utf8_length(std::string_view text);

/// `text` with U+FFFD for each byte that belongs to no well-formed sequence.
std::string valid_utf8(std::string_view text);

}  // namespace weir
