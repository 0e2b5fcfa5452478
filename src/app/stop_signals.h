#pragma once

#include <chrono>
#include <optional>

namespace weir::app {

/// The signals that a daemon takes, as something to wait for: SIGTERM, SIGINT and SIGQUIT stop it,
/// SIGHUP asks it to read again, SIGUSR1 and SIGUSR2 do nothing. Made before the first other
/// thread, so that all threads block them; SIGPIPE is ignored from then on. Used by one thread.
class StopSignals {
 public:
  StopSignals();

  /// The next signal that stops, or none within `limit` or before another signal came.
  std::optional<int> wait(std::chrono::milliseconds limit);

  /// Whether SIGHUP came since this was last asked.
  bool take_hang_up();

  /// From now on a signal that stops ends the process at once.
  void let_kill() const;

 private:
  bool hang_up_ = false;
};

}  // namespace weir::app
