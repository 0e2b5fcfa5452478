#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "traffic/line.h"
#include "weir/traffic/gate.h"

namespace weir::traffic {

/// Units that refused, and when they can be paid, as the client reads it. `waiter.blocker` says
/// which.
Error refusal(const Waiter& waiter, TimePoint now);
Error never_fits(const Waiter& waiter);

/// The threads around a Line: one mutex for the line, one condition variable for each who waits.
class Gate::Impl {
 public:
  Impl(std::unique_ptr<Limiter> limiter, const Clock& clock)
      : limiter_(std::move(limiter)), clock_(clock), line_(*limiter_) {}

  void set_models(std::vector<ModelLimits> models);
  Result<std::unique_ptr<Permit::State>> enter(const Entry& entry, std::vector<CellState>* cells);
  size_t waiting() const;
  void close();

  /// Moves the buckets of who is in, and lets in who can be paid now.
  std::vector<CellState> adjust(const std::vector<Cell>& cells, const Cost& change);

 private:
  struct Sleeper : Waiter {
    std::condition_variable bell;
  };

  /// At once, where nobody is before: admitted or refused. Else it stays waiting.
  void try_at_once(Sleeper& waiter, TimePoint now);
  Result<void> wait(Sleeper& waiter, const Entry& entry, std::unique_lock<std::mutex>& lock);
  void settle();

  const std::unique_ptr<Limiter> limiter_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  Line line_;
  std::map<std::string, std::vector<Cell>> model_cells_;
  bool closed_ = false;
};

}  // namespace weir::traffic
