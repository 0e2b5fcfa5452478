#pragma once

#include <chrono>

#include "brownout_guard.h"
#include "checked.h"
#include "opening.h"
#include "task.h"

namespace weir::serve {

/// The stages between a ticket and the gate: the brown-out, what is refused before the work of
/// rendering and tokenizing, and that work. Thread-safe.
class Checking {
 public:
  /// All outlive it.
  struct Parts {
    const ModelSet& models;
    BrownoutGuard& brownout;
    const Admission& admission;
    const Clock& clock;
    std::chrono::milliseconds retry_after;
  };
  explicit Checking(Parts parts) : parts_(parts) {}

  /// Takes `ask` unless it fails. Gives the caller's turn back. Errors: invalid_argument,
  /// overloaded, rate_limited; deadline and cancelled, between the parts of the work.
  Result<Checked> check(Ticket ticket, Ask& ask, Caller& caller) const;

 private:
  /// Gives the request to the model's twin, if the twin can serve it unchanged.
  void relieve(Checked& checked, Measures& measures, const Ask& ask, Caller& caller) const;
  Result<std::vector<RequestRow>> rows_of(const Ticket& ticket, const Ask& ask,
                                          Caller& caller) const;

  const Parts parts_;
};

}  // namespace weir::serve
