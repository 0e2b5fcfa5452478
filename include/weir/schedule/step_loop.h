#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "weir/base/clock.h"
#include "weir/base/doorbell.h"
#include "weir/base/metrics.h"
#include "weir/schedule/plan.h"
#include "weir/work/work_queue.h"

namespace weir::schedule {

struct SchedulerOptions {
  uint32_t max_sequences = 64;     // rows of a step
  uint32_t max_batch_tokens = 2048;  // tokens of a step; raised to spec.max_tokens where prompts are whole
  bool prefix_cache = true;
};

/// The one step thread of a device: it loads models, then runs the schedulers of all of them in turns weighted by waiting
/// work. All tensor work happens in it. Public calls are thread-safe.
class StepLoop {
 public:
  /// Builds a model's runner; runs in the step thread.
  using Load = std::function<Result<std::unique_ptr<Runner>>()>;

  struct Model {
    std::string name;
    SchedulerOptions options;
    std::shared_ptr<work::WorkQueue> queue;
    ModelMetrics* metrics = nullptr;  // may be null; outlives the loop
    Load load;
    std::function<void(Result<ModelSpec>)> loaded;  // called in the step thread, once
  };

  /// `bell` is the one that the models' queues ring. `enter` runs first in the step thread (thread-local set-up of torch).
  StepLoop(std::shared_ptr<Doorbell> bell, const Clock& clock, std::function<void()> enter = {});
  ~StepLoop();  // stop(), then join
  StepLoop(const StepLoop&) = delete;

  void add(Model model);

  /// No more steps after the current one; what is unfinished is answered unavailable.
  void stop();

  /// Time since the step thread last went round: what /health looks at.
  std::chrono::milliseconds since_tick() const;

  /// Sequences that wait or run, of all models.
  size_t in_flight() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::schedule
