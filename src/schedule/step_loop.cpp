#include "weir/schedule/step_loop.h"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "schedule/heartbeat.h"
#include "schedule/turns.h"
#include "weir/base/last_words.h"

namespace weir::schedule {
namespace {

constexpr auto kIdleWait = std::chrono::milliseconds(100);

Error stopped_error() {
  return Error{.code = Code::unavailable, .message = "this model is being stopped"};
}

Error never_tried_error() {
  return Error{.code = Code::cancelled, .message = "the loop was stopped before it was loaded"};
}

void close_queue(work::WorkQueue& queue, const Error& error) {
  queue.close();
  for (work::Request& request : queue.take_all()) request.fail(error);
  queue.release_all();
}

void tell_cache(const StepSeries& series, const ModelSpec& spec) {
  series.in.gauge("weir_kv_cache_page_tokens", "Tokens in a cache page.", series.of)
      .set(spec.page_size);
  series.in.gauge("weir_kv_cache_pages", "Cache pages.", series.of).set(spec.pages);
}

}  // namespace

class StepLoop::Impl {
 public:
  Impl(std::shared_ptr<Doorbell> bell, const Clock& clock, Registry& metrics, Hooks hooks)
      : bell_(std::move(bell)), clock_(clock), metrics_(metrics), hooks_(std::move(hooks)) {
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() {
    stop();
    thread_.join();
  }

  void add(Model model) {
    {
      std::lock_guard lock(mutex_);
      if (!closed_) {
        StepSeries series{metrics_, {{"model", model.name}}};
        served_.push_back(std::make_unique<Served>(Served{std::move(model), std::move(series)}));
        bell_->ring();
        return;
      }
    }
    close_queue(*model.queue, stopped_error());
    model.loaded(never_tried_error());
  }

  void stop() {
    stopping_.store(true);
    bell_->ring();
  }

  std::chrono::milliseconds since_tick() const {
    if (loading_.load()) return std::chrono::milliseconds(0);
    return heartbeat_.silence();
  }

  size_t in_flight() const {
    std::lock_guard lock(mutex_);
    size_t count = 0;
    for (const auto& served : served_) count += work_of(*served);
    return count;
  }

  std::vector<Activity> activity() const {
    std::lock_guard lock(mutex_);
    std::vector<Activity> all;
    for (const auto& served : served_) {
      if (!served->scheduler) continue;
      const size_t waiting = served->model.queue->waiting();  // first: see Scheduler::started()
      all.push_back({.model = served->model.name,
                     .waiting = waiting,
                     .running = served->scheduler->started(),
                     .computed = served->scheduler->computed()});
    }
    return all;
  }

 private:
  struct Served {
    Model model;
    StepSeries series;  // shown while it loads, too
    std::unique_ptr<Runner> runner;
    std::unique_ptr<Scheduler> scheduler;  // set once loaded, under the mutex
    bool tried = false;
  };

  static size_t work_of(const Served& served) {
    const size_t queued = served.model.queue->waiting();  // first: see Scheduler::started()
    return queued + (served.scheduler ? served.scheduler->started() : 0);
  }

  void run() {
    if (hooks_.enter) hooks_.enter();
    while (!stopping_.load() && !lost_) {
      heartbeat_.beat();
      if (Served* next = next_to_load())
        load(*next);
      else if (!take_turn())
        rest();
    }
    close();
    if (lost_ && hooks_.lost) hooks_.lost(*lost_);
  }

  Served* next_to_load() {
    std::lock_guard lock(mutex_);
    for (auto& served : served_)
      if (!served->tried) return served.get();
    return nullptr;
  }

  void load(Served& served) {
    served.tried = true;
    loading_.store(true);
    auto result = start(served);
    heartbeat_.beat();
    loading_.store(false);
    if (!result)
      close_queue(*served.model.queue,
                  {.code = Code::unavailable, .message = result.error().message});
    served.model.loaded(std::move(result));
  }

  Result<ModelSpec> start(Served& served) {
    auto runner = served.model.load();
    if (!runner) return std::move(runner.error());
    const ModelSpec spec = (*runner)->spec();
    if (auto consistent = check_spec(spec); !consistent) return std::move(consistent.error());
    served.runner = std::move(*runner);
    auto scheduler = std::make_unique<Scheduler>(
        Scheduler::Parts{*served.runner, *served.model.queue, clock_, served.series},
        served.model.options);
    if (spec.pages > 0) tell_cache(served.series, spec);
    std::lock_guard lock(mutex_);
    served.scheduler = std::move(scheduler);
    ready_.push_back(&served);
    return spec;
  }

  bool take_turn() {
    work_.clear();
    for (const Served* served : ready_)
      work_.push_back(served->scheduler->idle() ? served->model.queue->waiting()
                                                : work_of(*served) + 1);
    const size_t turn = turns_.next(work_);
    if (turn == Turns::kNobody) return false;
    const TimePoint start = clock_.now();
    ready_[turn]->scheduler->step();
    lost_ = ready_[turn]->runner->lost();
    turns_.took(turn, work_[turn], std::chrono::duration<double>(clock_.now() - start).count());
    audited_ = false;
    return true;
  }

  void rest() {
    if (bell_->wait(kIdleWait) || audited_) return;
    for (const Served* served : ready_)
      if (auto books = served->scheduler->audit(); !books) {
        last_words("the memory of " + served->model.name +
                   " is not in order: " + books.error().message + '\n');
        std::abort();
      }
    audited_ = true;
  }

  void close() {
    std::vector<std::unique_ptr<Served>> served;
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      served.swap(served_);
    }
    for (auto& one : served) {
      one->model.queue->close();
      one->scheduler.reset();
      // The last step may have lost the device, on which those of other models are too.
      if (!lost_ && one->runner) lost_ = one->runner->lost();
      lost_ ? static_cast<void>(one->runner.release()) : one->runner.reset();
      close_queue(*one->model.queue, stopped_error());
      if (!one->tried) one->model.loaded(never_tried_error());
    }
  }

  const std::shared_ptr<Doorbell> bell_;
  const Clock& clock_;
  Registry& metrics_;
  const Hooks hooks_;
  std::atomic<bool> stopping_ = false, loading_ = false;
  Heartbeat heartbeat_;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Served>> served_;
  bool closed_ = false;

  // Of the step thread.
  std::vector<Served*> ready_;
  std::vector<size_t> work_;
  Turns turns_;
  bool audited_ = true;  // nothing ran since the last audit
  std::optional<Error> lost_;

  std::thread thread_;
};

StepLoop::StepLoop(std::shared_ptr<Doorbell> bell, const Clock& clock, Registry& metrics,
                   Hooks hooks)
    : impl_(std::make_unique<Impl>(std::move(bell), clock, metrics, std::move(hooks))) {}

StepLoop::~StepLoop() = default;

void StepLoop::add(Model model) { impl_->add(std::move(model)); }

void StepLoop::stop() { impl_->stop(); }

std::chrono::milliseconds StepLoop::since_tick() const { return impl_->since_tick(); }

size_t StepLoop::in_flight() const { return impl_->in_flight(); }

std::vector<StepLoop::Activity> StepLoop::activity() const { return impl_->activity(); }

}  // namespace weir::schedule
