#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "serve/tasks/units.h"
#include "weir/base/result.h"
#include "weir/text/encoding.h"

namespace weir::serve {

/// A part of a text that a model reads at once, with the tokens that the tokenizer puts around a
/// text.
///
/// A text that fits is one window. Else a window has as many whole words as fit. The next window
/// begins at the first word from which no more than a quarter of a window's own tokens overlap, or
/// at a later one where a word more would not fit otherwise. A word of more tokens than a window
/// holds is cut after each such number of tokens, and each part counts as a word.
///
/// A word in two windows counts where it is farther from the nearer edge, in tokens, and in the
/// earlier window if that is equal. So each unit is taken from exactly one window, and what is made
/// of the numbers of all units (a CRF's path, spans) does not see where the windows were cut.
struct Window {
  std::vector<int32_t> ids;
  std::vector<uint8_t> types;
  /// Tokens of this window, ascending, at which its units are read: `first` and those that follow
  /// it. All units of the window are read, for a head may let units of a text tell on each other.
  std::vector<uint32_t> reads;
  uint32_t first = 0;  // index of its first unit among all units
  /// Of its units, those that are taken from this window.
  uint32_t taken_from = 0;  // index among all units
  uint32_t taken_to = 0;    // exclusive

  bool operator==(const Window&) const = default;
};

/// The windows of `encoding` for a model that takes `limit` tokens; windows of which nothing is
/// taken are left out, so that a text of no units has one window and any other one or more. `units`
/// are units_of(encoding). Errors: invalid_argument where the tokens around a text leave no room.
Result<std::vector<Window>> windows_of(const text::Encoding& encoding, std::span<const Unit> units,
                                       size_t limit);

/// The one window of a text that is cut at `limit` tokens: the tokens after the text stay, and the
/// last word may lose some of its own. Units whose token is cut off are not read.
Result<Window> cut_window(const text::Encoding& encoding, std::span<const Unit> units,
                          size_t limit);

/// The numbers of the units that are taken, in the order of the units. `numbers[w]` are (reads,
/// columns) of `windows[w]`.
std::vector<float> merge_windows(std::span<const Window> windows,
                                 std::span<const std::span<const float>> numbers, size_t columns);

}  // namespace weir::serve
