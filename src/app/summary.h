#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "weir/base/clock.h"
#include "weir/schedule/step_loop.h"

namespace weir::app {

/// A line of the log every kSummaryEvery for each model that has work: what waits, what runs, and
/// the tokens computed in a second since the last look. Used by one thread.
class Summary {
 public:
  using Activity = schedule::StepLoop::Activity;

  /// `clock` outlives it.
  explicit Summary(const Clock& clock) : clock_(clock), last_(clock.now()) {}

  /// Writes the lines if it is time. Call it more often than they are due.
  void look(const std::function<std::vector<Activity>()>& activity);

 private:
  const Clock& clock_;
  TimePoint last_;
  std::map<std::string, schedule::Scheduler::Computed> before_;  // by model, at the last look
};

inline constexpr std::chrono::seconds kSummaryEvery{10};

}  // namespace weir::app
