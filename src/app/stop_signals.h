#pragma once

#include <chrono>
#include <optional>

namespace weir::app {

/// Waits for the signals of a daemon: SIGTERM, SIGINT and SIGQUIT stop it, SIGHUP makes it read the
/// keys again, SIGUSR1 and SIGUSR2 do nothing. Made before the first other thread, so that all
/// threads block the signals. SIGPIPE is ignored from then on. Used by one thread.
class StopSignals {
 public:
  StopSignals();

  /// Waits at most `limit` for a signal that stops. None: the limit passed, or another signal came.
  std::optional<int> wait(std::chrono::milliseconds limit);

  /// Whether SIGHUP came since the last call.
  bool take_hang_up();

  /// From now on a signal that stops the daemon ends the process at once.
  void let_kill() const;

 private:
  bool hang_up_ = false;
};

}  // namespace weir::app
