#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "stop_tree.h"

namespace weir::serve {

/// Finds stop strings in a text that comes in pieces, and holds back what could still become one.
/// The string that is complete first wins, of two that end together the longer; so the cut of the
/// pieces does not matter.
class StopStrings {
 public:
  /// `include`: the string that stopped is shown.
  StopStrings(std::shared_ptr<const StopTree> stops, bool include);

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
  const std::shared_ptr<const StopTree> stops_;
  const bool include_;
  StopTree::State state_ = StopTree::kStart;
  std::string held_;
};

}  // namespace weir::serve
