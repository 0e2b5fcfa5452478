#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "weir/serve/brownout.h"

namespace weir::serve {

/// Which rules hold for a request that comes now; of several of one kind the strictest. Null: none.
/// They live as long as the state that named them.
struct Measures {
  const BrownoutRule* max_tokens = nullptr;
  const BrownoutRule* min_priority = nullptr;
  const BrownoutRule* twin = nullptr;
};

/// The rules and for which models each holds, with the hysteresis between its two marks. Used by
/// one thread at a time.
class BrownoutState {
 public:
  explicit BrownoutState(std::vector<BrownoutRule> rules) : rules_(std::move(rules)) {}

  struct Change {
    const BrownoutRule* rule;
    bool begins;  // else it ends
  };

  /// `waiting` requests wait for `model`. What changed by that is added to `changes`.
  Measures look(const std::string& model, size_t waiting, std::vector<Change>& changes);

  const std::vector<BrownoutRule>& rules() const { return rules_; }

 private:
  const std::vector<BrownoutRule> rules_;
  std::map<std::string, std::vector<bool>> holds_;  // by model, one a rule
};

/// Whether a rule says anything about a model: a twin only about the one that it relieves.
bool is_about(const BrownoutRule& rule, const std::string& model);

}  // namespace weir::serve
