#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "serve/tasks/units.h"
#include "weir/base/result.h"
#include "weir/text/encoding.h"

namespace weir::serve {

/// The units of a window, as indices among all units of the text.
struct WindowUnits {
  uint32_t first = 0;
  uint32_t count = 0;
  /// Those that are taken from this window.
  uint32_t taken_from = 0;
  uint32_t taken_to = 0;  // exclusive

  bool operator==(const WindowUnits&) const = default;
};

/// A part of a text that a model reads at once, with the tokens that the tokenizer puts around a
/// text.
///
/// A text that fits is one window. Else a window has as many whole words as fit. The next window
/// begins at the first word with which at most a quarter of a window's own tokens overlap. It
/// begins later if the word after the last window would not fit otherwise. A word of more tokens
/// than a window holds is cut into parts of that many tokens, and each part counts as a word.
///
/// A word that lies in two windows is taken from the window in which it is farther from the nearer
/// edge, in tokens; from the earlier window if the distances are equal. So each unit is taken from
/// exactly one window. A CRF's path and spans are made from the numbers of all units, so they do
/// not depend on windows.
struct Window {
  std::vector<int32_t> ids;
  /// Tokens of this window, ascending, at which its units are read. All of them are read, since in
  /// a head units of a text may depend on each other.
  std::vector<uint32_t> reads;
  WindowUnits units;

  bool operator==(const Window&) const = default;
};

/// The windows of `encoding` for a model that takes `limit` tokens. A window from which nothing is
/// taken is left out, but there is at least one window. `units` are units_of(encoding). Errors:
/// invalid_argument, if the tokens around a text leave no room.
Result<std::vector<Window>> windows_of(const text::Encoding& encoding,
                                       std::span<const LabelUnit> units, size_t limit);

/// The one window of a text that is cut at `limit` tokens. The special tokens after the text stay,
/// and the last word may lose some tokens. Units whose token is cut off are not read.
Result<Window> cut_window(const text::Encoding& encoding, std::span<const LabelUnit> units,
                          size_t limit);

/// The numbers of all units, each from the window that it is taken from, in the order of the units.
/// `numbers[w]` are (count, columns) of `windows[w]`.
std::vector<float> merge_windows(std::span<const WindowUnits> windows,
                                 std::span<const std::span<const float>> numbers, size_t columns);

}  // namespace weir::serve
