#include "http/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <utility>

namespace weir::http {
namespace {

constexpr size_t kStackBytes = size_t{2} << 20;
constexpr std::chrono::seconds kIdleLimit{10};

/// The kernel's struct sched_attr, which Debian 12's headers lack.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes), policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;
};

/// Who answers clients computes little and should not wait for the slices of those that compute
/// much. A wish that Linux 6.12 and later grant to anybody; before that nothing changes.
void ask_for_short_slices() {
  constexpr uint64_t kShortest = 100'000;  // nanoseconds
  const SchedulingAttributes wish{.nice = getpriority(PRIO_PROCESS, 0), .runtime = kShortest};
  syscall(SYS_sched_setattr, 0, &wish, 0);
}

}  // namespace

bool ThreadPool::enqueue(std::function<void()> job) {
  std::lock_guard lock(mutex_);
  if (jobs_.size() >= max_waiting_) return false;
  bool needs_thread = idle_ <= jobs_.size() && threads_ < max_threads_;
  if (needs_thread && !start_thread() && threads_ == 0) return false;
  jobs_.push_back(std::move(job));
  wake_.notify_one();
  return true;
}

void ThreadPool::shutdown() {
  closing_();
  std::unique_lock lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
  ended_.wait(lock, [this] { return threads_ == 0; });
}

bool ThreadPool::start_thread() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  bool started = pthread_create(&thread, &attributes, &ThreadPool::run, this) == 0;
  pthread_attr_destroy(&attributes);
  if (started) ++threads_;
  return started;
}

void* ThreadPool::run(void* pool) {
  ask_for_short_slices();
  static_cast<ThreadPool*>(pool)->work();
  return nullptr;
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait_for(lock, kIdleLimit, [this] { return !jobs_.empty() || stopping_; });
    --idle_;
    if (jobs_.empty()) break;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
  --threads_;
  ended_.notify_all();
}

}  // namespace weir::http
