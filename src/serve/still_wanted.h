#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "ticket.h"
#include "weir/base/clock.h"
#include "weir/serve/caller.h"

namespace weir::serve {

/// Whether the preparation of a request is still wanted. Long work asks between its parts: before
/// each input, and before each step over a long input. Used by one thread at a time.
class StillWanted {
 public:
  struct Until {
    std::optional<std::chrono::milliseconds> timeout;  // as asked, for the error
    std::optional<TimePoint> deadline;
    std::function<bool()> gone;  // the client left; may be null
  };
  /// `clock` outlives it.
  StillWanted(Until until, const Clock& clock)
      : until_(std::move(until)), clock_(clock), next_look_(clock.now() + kLook) {}
  StillWanted(const Ticket& ticket, const Caller& caller, const Clock& clock)
      : StillWanted({ticket.timeout, ticket.deadline, caller.gone}, clock) {}

  /// Looks for the client at most every 50 ms, since that is a system call. Errors: deadline;
  /// cancelled (the client left).
  Result<void> check();

 private:
  static constexpr std::chrono::milliseconds kLook{50};

  const Until until_;
  const Clock& clock_;
  TimePoint next_look_;
};

}  // namespace weir::serve
