#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "stop_tree.h"

namespace weir::serve {

/// Finds stop strings in a text that comes in pieces. Holds back text that could still become a
/// stop string. The string that is complete first wins; of two that end together, the longer one.
/// So the result does not depend on how the text was cut into pieces.
class StopStrings {
 public:
  /// `include`: the stop string itself is shown.
  StopStrings(std::shared_ptr<const StopTree> stops, bool include);

  struct Shown {
    std::string text;
    std::optional<std::string> stop;  // the string that stopped; nothing may follow
  };

  /// Adds `text`, and returns what may be shown now. If not `armed`, a string that ends in `text`
  /// does not stop.
  Shown feed(std::string_view text, bool armed);

  /// What was held back, at the end of the text.
  std::string flush();

 private:
  const std::shared_ptr<const StopTree> stops_;
  const bool include_;
  StopTree::State state_ = StopTree::kStart;
  std::string held_;
};

}  // namespace weir::serve
