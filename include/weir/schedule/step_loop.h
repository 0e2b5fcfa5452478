#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/doorbell.h"
#include "weir/base/metrics.h"
#include "weir/schedule/options.h"
#include "weir/schedule/plan.h"
#include "weir/schedule/scheduler.h"
#include "weir/work/work_queue.h"

namespace weir::schedule {

/// The one step thread of a device. It loads models, then runs their schedulers in turns that
/// waiting work weights. All tensor work happens in it. Public calls are thread-safe.
class StepLoop {
 public:
  /// Builds a model's runner; runs in the step thread.
  using Load = std::function<Result<std::unique_ptr<Runner>>()>;

  struct Model {
    std::string name;
    SchedulerOptions options;
    std::shared_ptr<work::WorkQueue> queue;
    Load load;
    /// Called once, in the step thread (in add() when that has ended). Errors: why the model cannot
    /// be loaded; cancelled where the loop was stopped before it tried.
    std::function<void(Result<ModelSpec>)> loaded;
  };

  struct Hooks {
    std::function<void()> enter;  // runs first (thread-local set-up of torch); may be empty
    /// A runner was lost. By now all requests of all models are answered unavailable, and no step
    /// follows. Called at most once; may be empty.
    std::function<void(const Error&)> lost;
  };

  /// `bell` is the one that the models' queues ring. The hooks are called in the step thread.
  /// `clock` and `metrics` outlive the loop.
  StepLoop(std::shared_ptr<Doorbell> bell, const Clock& clock, Registry& metrics, Hooks hooks);
  StepLoop(std::shared_ptr<Doorbell> bell, const Clock& clock, Registry& metrics)
      : StepLoop(std::move(bell), clock, metrics, Hooks()) {}
  ~StepLoop();  // stop(), then join
  StepLoop(const StepLoop&) = delete;

  /// Loads and serves one more model. Where loading fails, the model's queue is closed and the
  /// requests in it are answered.
  void add(Model model);

  /// Returns at once. The step thread runs no step after the current one, closes the queues and
  /// answers what is unfinished: unavailable.
  void stop();

  /// Time since the step thread last went round; /health looks at it. 0 while the thread loads a
  /// model. Time in which the whole process was stopped does not count.
  std::chrono::milliseconds since_tick() const;

  /// Sequences that wait or run, of all models.
  size_t in_flight() const;

  /// What a model does.
  struct Activity {
    std::string model;
    size_t waiting = 0, running = 0;  // sequences
    Scheduler::Computed computed;     // so far
  };
  /// Of each model that is loaded.
  std::vector<Activity> activity() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::schedule
