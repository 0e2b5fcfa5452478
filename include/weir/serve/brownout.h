#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "weir/base/result.h"
#include "weir/serve/tasks.h"

namespace weir::serve {

/// What is done for new requests while more wait for a model than `mark`: less for each, so that
/// there is something for all. A rule sets in once `mark` requests wait for the model and ends once
/// fewer than half of that do.
struct BrownoutRule {
  struct MaxTokens {
    uint32_t most;  // of a completion
  };
  struct MinPriority {
    int least;  // keys below it are refused
  };
  struct Twin {
    std::string model, twin;  // the twin serves what the model is asked
  };

  size_t mark = 0;
  std::variant<MaxTokens, MinPriority, Twin> action;

  std::string action_text() const;  // "max-tokens=64": its name in headers
  std::string text() const;         // "queue>=200:max-tokens=64": its name in log and metrics
};

/// A model as far as the rules need to know it.
struct BrownoutModel {
  std::string name;
  std::optional<Tasks> tasks = Tasks{HeadTask::generate};  // unset: not known, and taken as it is
};

/// Reads rules and holds them against the models that are served. Errors: invalid_argument naming
/// the rule and what is wrong: its form, a number out of range, a model that is not served or makes
/// embeddings (vectors of two models cannot be compared), a twin that is sent elsewhere itself, a
/// rule given twice.
Result<std::vector<BrownoutRule>> parse_brownout(const std::vector<std::string>& rules,
                                                 const std::vector<BrownoutModel>& models);

}  // namespace weir::serve
