#include "http/worker_threads.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "http/short_slices.h"

namespace weir::http {
namespace {

constexpr size_t kStackBytes = size_t{2} << 20;
constexpr std::chrono::seconds kIdleLimit{10};
// So many threads are started as soon as they are needed. More are started when no job was taken
// for kPatience.
constexpr size_t kComfortable = 64;
constexpr std::chrono::milliseconds kPatience{2};
// If jobs are taken, but too slowly: after so many rounds of kPatience each round starts one more
// thread.
constexpr int kSlow = 5;

}  // namespace

bool WorkerThreads::enqueue(std::function<void()> job) {
  std::unique_lock lock(mutex_);
  if (jobs_.size() >= max_waiting_) return false;
  if (jobs_.size() >= idle_ && starts_at_once()) start_workers(lock, 1);
  if (threads_ == 0) return false;
  jobs_.push_back(std::move(job));
  wake_.notify_one();
  // Another job may have taken the thread just started.
  if (jobs_.size() > idle_) call_supervisor();
  return true;
}

void WorkerThreads::shutdown() {
  closing_();
  std::unique_lock lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
  starved_.notify_all();
  ended_.wait(lock, [this] { return threads_ == 0 && !supervised_; });
}

bool WorkerThreads::has_spare() const {
  std::lock_guard lock(mutex_);
  return idle_ > jobs_.size() || starts_at_once();
}

bool WorkerThreads::starts_at_once() const {
  return threads_ < std::min(kComfortable, max_threads_);
}

void WorkerThreads::call_supervisor() {
  if (!supervised_) supervised_ = start_thread(&WorkerThreads::run_supervisor);
  starved_.notify_one();
}

void WorkerThreads::start_workers(std::unique_lock<std::mutex>& lock, size_t count) {
  count = std::min(count, max_threads_ - threads_);
  threads_ += count;
  idle_ += count;
  lock.unlock();
  size_t failed = 0;
  for (size_t i = 0; i < count; ++i) failed += start_thread(&WorkerThreads::run_worker) ? 0 : 1;
  lock.lock();
  threads_ -= failed;
  idle_ -= failed;
}

bool WorkerThreads::start_thread(void* (*entry)(void*)) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  bool started = pthread_create(&thread, &attributes, entry, this) == 0;
  pthread_attr_destroy(&attributes);
  return started;
}

void* WorkerThreads::run_worker(void* pool) {
  ask_for_short_slices();
  static_cast<WorkerThreads*>(pool)->work();
  return nullptr;
}

void* WorkerThreads::run_supervisor(void* pool) {
  static_cast<WorkerThreads*>(pool)->supervise();
  return nullptr;
}

void WorkerThreads::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool wanted =
        wake_.wait_for(lock, kIdleLimit, [this] { return !jobs_.empty() || stopping_; });
    if (!wanted && idle_ == 1 && !starts_at_once()) continue;  // kept for the next job
    --idle_;
    if (jobs_.empty()) break;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    ++taken_;
    if (idle_ == 0 && !starts_at_once()) call_supervisor();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    ++idle_;
  }
  --threads_;
  ended_.notify_all();
}

void WorkerThreads::supervise() {
  std::unique_lock lock(mutex_);
  const auto starved = [this] { return jobs_.size() > idle_ && threads_ < max_threads_; };
  const auto has_no_spare = [this] {
    return idle_ == 0 && jobs_.empty() && !starts_at_once() && threads_ < max_threads_;
  };
  size_t more = 1;   // doubled each time that it was not enough
  int starving = 0;  // rounds in a row
  while (!stopping_ || !jobs_.empty()) {
    starved_.wait(lock, [&] { return stopping_ || starved() || has_no_spare(); });
    const uint64_t taken = taken_;
    lock.unlock();
    std::this_thread::sleep_for(kPatience);
    lock.lock();
    starving = starved() ? starving + 1 : 0;
    const bool stuck = starving > 0 && taken_ - taken < more;
    if (stuck) start_workers(lock, std::min(more, jobs_.size() - idle_));
    more = stuck ? 2 * more : 1;
    if (!stuck && (starving > kSlow || has_no_spare())) start_workers(lock, 1);
  }
  supervised_ = false;
  ended_.notify_all();
}

}  // namespace weir::http
