#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

namespace weir {

/// Wakes one sleeper. A ring before the wait is not lost; several rings are one. Thread-safe.
class Doorbell {
 public:
  void ring() {
    std::function<void()> tell;
    {
      std::lock_guard lock(mutex_);
      rung_ = true;
      tell = tell_;
    }
    bell_.notify_one();
    if (tell) tell();
  }

  /// From now on `tell` is called with each ring, and now if there is one that nobody has waited
  /// for yet. Null: no longer.
  void pass_on(std::function<void()> tell) {
    {
      std::lock_guard lock(mutex_);
      tell_ = tell;
      if (!rung_) return;
    }
    if (tell) tell();
  }

  /// Before a look at what it rang for: rings up to now are not waited for.
  void silence() {
    std::lock_guard lock(mutex_);
    rung_ = false;
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
  std::function<void()> tell_;
};

}  // namespace weir
