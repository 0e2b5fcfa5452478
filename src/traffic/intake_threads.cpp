#include "traffic/intake_threads.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>

namespace weir::traffic {
namespace {

// With this value a thread gets a quarter of a processor beside a thread that computes without end.
// With a lower priority, a thread that holds one of the allocator's locks could be off the
// processor for too long.
constexpr int kNice = 5;
// A walk through the allocator's lists takes milliseconds. When the work on a refused body ends,
// its answer still has to be written; so the walk comes later.
constexpr std::chrono::milliseconds kTrimAfter{250}, kTrimEvery{1000};

}  // namespace

IntakeThreads::IntakeThreads(size_t count) {
  for (size_t i = 0; i < count; ++i) threads_.emplace_back([this] { loop(); });
}

IntakeThreads::~IntakeThreads() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void IntakeThreads::run(const std::function<void()>& work) {
  Job job{.work = work};
  std::unique_lock lock(mutex_);
  jobs_.push_back(&job);
  wake_.notify_one();
  job.ended.wait(lock, [&] { return job.done; });
  if (job.thrown) std::rethrow_exception(job.thrown);
}

void IntakeThreads::trim_soon() {
  {
    std::lock_guard lock(mutex_);
    if (trim_at_) return;
    trim_at_ = std::max(std::chrono::steady_clock::now() + kTrimAfter, trimmed_ + kTrimEvery);
  }
  wake_.notify_one();
}

void IntakeThreads::loop() {
  // On Linux this sets the priority of this thread alone.
  setpriority(PRIO_PROCESS, 0, kNice);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!jobs_.empty()) {
      Job& job = *jobs_.front();
      jobs_.pop_front();
      perform(job, lock);
    } else if (!trim_at_) {
      wake_.wait(lock);
    } else if (*trim_at_ > std::chrono::steady_clock::now()) {
      wake_.wait_until(lock, Time(*trim_at_));
    } else {
      trim(lock);
    }
  }
}

void IntakeThreads::perform(Job& job, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  std::exception_ptr thrown;
  try {
    job.work();
  } catch (...) {
    thrown = std::current_exception();
  }
  lock.lock();
  job.thrown = thrown;
  job.done = true;
  job.ended.notify_one();
}

void IntakeThreads::trim(std::unique_lock<std::mutex>& lock) {
  trim_at_.reset();
  lock.unlock();
  malloc_trim(0);
  lock.lock();
  trimmed_ = std::chrono::steady_clock::now();
}

}  // namespace weir::traffic
