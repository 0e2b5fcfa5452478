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

/// A rule of the brown-out: while many requests wait for a model, new requests get less, so that
/// all get something. A rule begins to hold when `mark` requests wait for the model. It ends when
/// fewer than half of `mark` wait.
struct BrownoutRule {
  struct MaxTokens {
    uint32_t most;  // of a completion
  };
  struct MinPriority {
    int least;  // requests of a lower priority are refused
  };
  struct Twin {
    std::string model, twin;  // `twin` serves the requests for `model`
  };

  size_t mark = 0;
  std::variant<MaxTokens, MinPriority, Twin> action;

  std::string action_text() const;  // "max-tokens=64": its name in headers
  std::string text() const;         // "queue>=200:max-tokens=64": its name in log and metrics
};

/// What the rules need to know of a model.
struct BrownoutModel {
  std::string name;
  std::optional<Tasks> tasks = Tasks{HeadTask::generate};  // unset: not known; rules may name it
  bool encoder_decoder = false;
};

/// Reads rules and checks them against the served models. Errors: invalid_argument naming the rule
/// and what is wrong: its form, a number out of range, a model that is not served, a model that
/// does not generate (vectors and scores of two models cannot be compared), an encoder-decoder
/// whose twin is none or the reverse (a prompt means something else to them), a twin that has a
/// twin itself, a rule that is given twice.
Result<std::vector<BrownoutRule>> parse_brownout(const std::vector<std::string>& rules,
                                                 const std::vector<BrownoutModel>& models);

}  // namespace weir::serve
