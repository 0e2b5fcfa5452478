#pragma once

#include <httplib.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace weir::http {

/// Threads started when there is work for them and ended when idle, each with a small stack: a
/// connection holds its thread until it is closed or parked. Many connections that come at once and
/// are soon parked get few threads: above a comfortable number there is one to spare, and others
/// are started only while no job is taken, or for long too few are. Thread-safe.
class ThreadPool final : public httplib::TaskQueue {
 public:
  /// At most `max_threads` run; `max_waiting` jobs may wait for one. `closing` is called first when
  /// it shuts down, and may still bring jobs.
  ThreadPool(size_t max_threads, size_t max_waiting, std::function<void()> closing)
      : max_threads_(max_threads), max_waiting_(max_waiting), closing_(std::move(closing)) {}

  /// False if too many wait, or no thread can be had.
  bool enqueue(std::function<void()> job) override;
  /// Returns when every job has run and every thread has ended.
  void shutdown() override;
  /// Whether the next job would find a thread at once.
  bool has_spare() const;

 private:
  static void* run_worker(void* pool);
  static void* run_supervisor(void* pool);
  bool starts_at_once() const;  // a thread for a job that finds none. REQUIRES: mutex_ is held
  bool start_thread(void* (*entry)(void*));
  /// Counted as idle at once. The lock is given up meanwhile.
  void start_workers(std::unique_lock<std::mutex>& lock, size_t count);
  void work();
  void call_supervisor();  // REQUIRES: mutex_ is held
  /// Starts threads when there are more jobs than idle threads and none is taken, or few for long;
  /// and one for the next job, so that it need not wait for that.
  void supervise();

  const size_t max_threads_, max_waiting_;
  const std::function<void()> closing_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, ended_, starved_;
  std::deque<std::function<void()>> jobs_;
  size_t idle_ = 0, threads_ = 0;  // the supervisor is not counted
  uint64_t taken_ = 0;             // jobs so far
  bool stopping_ = false, supervised_ = false;
};

}  // namespace weir::http
