#pragma once

#include <chrono>
#include <optional>

namespace weir::app {

/// SIGTERM and SIGINT as something to wait for. Made before the first other thread, so that all
/// threads block them; SIGPIPE is ignored from then on.
class StopSignals {
 public:
  StopSignals();

  /// The next of them, or none within `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit) const;

  /// From now on one of them ends the process at once.
  void let_kill() const;

  /// Ends the process at once, as killed by `signal`: exit code 128 + signal.
  [[noreturn]] static void end_now(int signal);
};

}  // namespace weir::app
