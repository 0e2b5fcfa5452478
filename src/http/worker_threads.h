#pragma once

#include <httplib.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace weir::http {

/// Threads that are started when there is work for them, and end when they are idle. Each has a
/// small stack, since a connection holds its thread until it is closed or parked. Many connections
/// that come at once and are soon parked get few threads: above `kComfortable` threads the pool
/// keeps one idle thread. It starts more only when no job has been taken for a while, or when jobs
/// have been taken too slowly for long. Thread-safe.
class WorkerThreads final : public httplib::TaskQueue {
 public:
  /// At most `max_threads` run, and at most `max_waiting` jobs wait for one. `closing` is called
  /// first in shutdown(), and may still bring jobs.
  WorkerThreads(size_t max_threads, size_t max_waiting, std::function<void()> closing)
      : max_threads_(max_threads), max_waiting_(max_waiting), closing_(std::move(closing)) {}

  /// False: too many jobs wait, or the system gives no thread.
  bool enqueue(std::function<void()> job) override;
  /// Returns when every job has run and every thread has ended.
  void shutdown() override;
  /// Whether the next job would find a thread at once.
  bool has_spare() const;

 private:
  static void* run_worker(void* pool);
  static void* run_supervisor(void* pool);
  bool starts_at_once() const;  // a thread for a job that has none. REQUIRES: mutex_ is held
  bool start_thread(void* (*entry)(void*));
  /// The threads count as idle at once. Releases the lock while it starts them.
  void start_workers(std::unique_lock<std::mutex>& lock, size_t count);
  void work();
  void call_supervisor();  // REQUIRES: mutex_ is held
  /// Starts threads while there are more jobs than idle threads and no job is taken, or few are for
  /// long. Also keeps one thread idle for the next job, so that the job need not wait for the start
  /// of a thread.
  void supervise();

  const size_t max_threads_, max_waiting_;
  const std::function<void()> closing_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, ended_, starved_;
  std::deque<std::function<void()>> jobs_;
  size_t idle_ = 0, threads_ = 0;  // without the supervisor
  uint64_t taken_ = 0;             // jobs so far
  bool stopping_ = false, supervised_ = false;
};

}  // namespace weir::http
