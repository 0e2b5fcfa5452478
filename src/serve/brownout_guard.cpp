#include "brownout_guard.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace weir::serve {
BrownoutGuard::BrownoutGuard(std::vector<BrownoutRule> rules, Registry& metrics)
    : metrics_(metrics), state_(std::move(rules)) {}

Measures BrownoutGuard::look(const ServedModel& model) {
  if (state_.rules().empty()) return {};
  const size_t waiting = model.queue->waiting();
  std::vector<BrownoutState::Change> changes;
  std::lock_guard lock(mutex_);
  const Measures measures = state_.look(model.name, waiting, changes);
  for (const auto& [rule, begins] : changes) {
    spdlog::warn("brown-out: rule \"{}\" {} for model {}: {} requests wait", rule->text(),
                 begins ? "sets in" : "ends", model.name, waiting);
    metrics_
        .gauge("weir_brownout_active", "1 while a brown-out rule holds for a model.",
               {{"model", model.name}, {"rule", rule->text()}})
        .set(begins);
  }
  return measures;
}

void BrownoutGuard::note(const BrownoutRule& rule, const std::string& model, Caller& caller) {
  metrics_
      .counter("weir_brownout_requests_total",
               "Requests that a brown-out rule shortened, refused or sent to a twin.",
               {{"model", model}, {"rule", rule.text()}})
      .add();
  caller.notes.brownout.push_back(rule.action_text());
}

Result<void> BrownoutGuard::check_class(const Measures& measures, const Ticket& ticket,
                                        std::chrono::milliseconds retry_after, Caller& caller) {
  const BrownoutRule* rule = measures.min_priority;
  if (!rule) return {};
  const int least = std::get<BrownoutRule::MinPriority>(rule->action).least;
  if (ticket.priority >= least) return {};
  note(*rule, ticket.model_name(), caller);
  return Error{.code = Code::overloaded,
               .message = fmt::format("the request has priority {}; while many wait, model \"{}\" "
                                      "takes {} and above (rule \"{}\")",
                                      ticket.priority, ticket.model_name(), least, rule->text()),
               .retry_after = retry_after};
}

void BrownoutGuard::shorten(const Measures& measures, const Ticket& ticket,
                            std::vector<RequestRow>& rows, Caller& caller) {
  if (!measures.max_tokens) return;
  const uint32_t most = std::get<BrownoutRule::MaxTokens>(measures.max_tokens->action).most;
  bool shortened = false;
  for (RequestRow& row : rows) {
    auto* sampling = std::get_if<work::SamplingParams>(&row.params);
    if (!sampling || sampling->max_tokens <= most) continue;
    sampling->max_tokens = most;
    sampling->min_tokens = std::min(sampling->min_tokens, most);
    shortened = true;
  }
  if (shortened) note(*measures.max_tokens, ticket.model_name(), caller);
}

void BrownoutGuard::hand_over(const Measures& measures, Ticket& ticket,
                              std::shared_ptr<const ReadyModel> twin, Caller& caller) {
  note(*measures.twin, ticket.model_name(), caller);
  ticket.model = std::move(twin);
  caller.notes.model = ticket.model_name();
  caller.notes.fingerprint = ticket.model->loaded.known_fingerprint();
}

const std::string& twin_of(const Measures& measures) {
  return std::get<BrownoutRule::Twin>(measures.twin->action).twin;
}

}  // namespace weir::serve
