#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "weir/serve/brownout.h"

namespace weir::serve {

/// The rules that hold for a request that comes now; of several of one kind the strictest. Null:
/// none. The rules live as long as the state that named them.
struct Measures {
  const BrownoutRule* max_tokens = nullptr;
  const BrownoutRule* min_priority = nullptr;
  const BrownoutRule* twin = nullptr;
};

/// The rules, and for which models each of them holds. A rule begins at its mark and ends below
/// half of it. Used by one thread at a time.
class BrownoutState {
 public:
  explicit BrownoutState(std::vector<BrownoutRule> rules) : rules_(std::move(rules)) {}

  struct Change {
    const BrownoutRule* rule;
    bool begins;  // else it ends
  };

  /// The rules that hold for `model` while `waiting` requests wait for it. Adds each rule that
  /// begins or ends by that to `changes`.
  Measures look(const std::string& model, size_t waiting, std::vector<Change>& changes);

  const std::vector<BrownoutRule>& rules() const { return rules_; }

 private:
  const std::vector<BrownoutRule> rules_;
  std::map<std::string, std::vector<bool>> holds_;  // by model, one for each rule
};

/// Whether a rule is about a model: a rule with a twin is only about the model that the twin
/// relieves.
bool is_about(const BrownoutRule& rule, const std::string& model);

}  // namespace weir::serve
