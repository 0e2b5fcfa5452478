#include "brownout_state.h"

namespace weir::serve {
namespace {

/// Whether `rule` is the stricter of two rules of one kind. Of two twins it is the one with the
/// higher mark.
bool is_stricter(const BrownoutRule& rule, const BrownoutRule& other) {
  if (const auto* tokens = std::get_if<BrownoutRule::MaxTokens>(&rule.action))
    return tokens->most < std::get<BrownoutRule::MaxTokens>(other.action).most;
  if (const auto* priority = std::get_if<BrownoutRule::MinPriority>(&rule.action))
    return priority->least > std::get<BrownoutRule::MinPriority>(other.action).least;
  return rule.mark > other.mark;
}

const BrownoutRule*& of_kind(Measures& measures, const BrownoutRule& rule) {
  if (std::holds_alternative<BrownoutRule::MaxTokens>(rule.action)) return measures.max_tokens;
  if (std::holds_alternative<BrownoutRule::MinPriority>(rule.action)) return measures.min_priority;
  return measures.twin;
}

}  // namespace

bool is_about(const BrownoutRule& rule, const std::string& model) {
  const auto* pair = std::get_if<BrownoutRule::Twin>(&rule.action);
  return !pair || pair->model == model;
}

Measures BrownoutState::look(const std::string& model, size_t waiting,
                             std::vector<Change>& changes) {
  Measures measures;
  std::vector<bool>& holds = holds_[model];
  holds.resize(rules_.size());
  for (size_t i = 0; i < rules_.size(); ++i) {
    const BrownoutRule& rule = rules_[i];
    if (!is_about(rule, model)) continue;
    const bool now = holds[i] ? 2 * waiting >= rule.mark : waiting >= rule.mark;
    if (now != holds[i]) changes.push_back({&rule, now});
    holds[i] = now;
    if (!now) continue;
    const BrownoutRule*& best = of_kind(measures, rule);
    if (!best || is_stricter(rule, *best)) best = &rule;
  }
  return measures;
}

}  // namespace weir::serve
