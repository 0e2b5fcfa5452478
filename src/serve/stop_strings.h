#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::serve {

/// Finds stop strings in a text that comes in pieces, and holds back what could still become one.
/// The string that is complete first wins, of two that end together the longer; so the cut of the
/// pieces does not matter.
class StopStrings {
 public:
  /// `include`: the string that stopped is shown. REQUIRES: no stop is empty.
  StopStrings(const std::vector<std::string>& stops, bool include);

  struct Shown {
    std::string text;
    std::optional<std::string> stop;  // what stopped; nothing may follow
  };

  /// What may be shown now that `text` has come. Not `armed`: a string that would end in `text`
  /// does not stop.
  Shown feed(std::string_view text, bool armed);

  /// What was held back: nothing will follow.
  std::string flush();

 private:
  /// Knuth, Morris, Pratt: how much of the stop the text's end matches, and how much still does
  /// after a wrong byte.
  struct Matcher {
    std::string stop;
    std::vector<size_t>
        border;  // of each prefix: its longest proper prefix that is also its suffix
    size_t matched = 0;

    bool step(char byte);  // the stop is complete
  };

  std::vector<Matcher> matchers_;
  const bool include_;
  std::string held_;
};

}  // namespace weir::serve
