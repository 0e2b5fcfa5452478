#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "admission.h"
#include "brownout_state.h"
#include "ticket.h"
#include "weir/base/metrics.h"
#include "weir/serve/service.h"

namespace weir::serve {

/// Applies the brown-out to new requests. Tells of it in the notes of each request that a rule
/// changes, in metrics, and in one line of the log when a rule begins or ends. Thread-safe.
class BrownoutGuard {
 public:
  BrownoutGuard(std::vector<BrownoutRule> rules, Registry& metrics);

  /// The rules that hold now for requests to `model`. Without rules this costs nothing.
  Measures look(const ServedModel& model);

  /// Errors: overloaded, with `retry_after`, if the request's priority is refused.
  Result<void> check_class(const Measures& measures, const Ticket& ticket,
                           std::chrono::milliseconds retry_after, Caller& caller);
  /// Lowers max_tokens of rows that have more.
  void shorten(const Measures& measures, const Ticket& ticket, std::vector<RequestRow>& rows,
               Caller& caller);
  /// Gives the request to the twin. REQUIRES: measures.twin.
  void hand_over(const Measures& measures, Ticket& ticket, std::shared_ptr<const ReadyModel> twin,
                 Caller& caller);

 private:
  void note(const BrownoutRule& rule, const std::string& model, Caller& caller);

  Registry& metrics_;
  std::mutex mutex_;  // guards state_
  BrownoutState state_;
};

/// The name of the twin. REQUIRES: measures.twin.
const std::string& twin_of(const Measures& measures);

}  // namespace weir::serve
