#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace weir {

/// Wakes one sleeper. A ring before the wait is not lost; several rings are one. Thread-safe.
class Doorbell {
 public:
  void ring() {
    {
      std::lock_guard lock(mutex_);
      rung_ = true;
    }
    bell_.notify_one();
  }

  /// Returns at the next ring, or after `limit`; true if it rang.
  bool wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    bell_.wait_for(lock, limit, [this] { return rung_; });
    return std::exchange(rung_, false);
  }

 private:
  std::mutex mutex_;
  std::condition_variable bell_;
  bool rung_ = false;
};

}  // namespace weir
