#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace weir::schedule {

/// For how long another thread has not gone round. A thread of its own counts rounds of half a
/// second: a clock would go on while the whole process is stopped (SIGSTOP, a frozen container), in
/// which nobody can beat. Thread-safe.
class Heartbeat {
 public:
  Heartbeat();
  ~Heartbeat();

  void beat() { rounds_.store(0, std::memory_order_relaxed); }
  /// Since the last beat, in whole rounds.
  std::chrono::milliseconds silence() const;

 private:
  void count();

  std::atomic<int> rounds_ = 0;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::schedule
