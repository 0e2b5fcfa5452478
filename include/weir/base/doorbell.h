#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace weir {

/// Wakes one sleeper. A ring before the wait is not lost; several rings are one. Thread-safe.
class Doorbell {
 public:
  void ring() {
    std::shared_ptr<Doorbell> other;
    {
      std::lock_guard lock(mutex_);
      rung_ = true;
      other = other_;
    }
    bell_.notify_one();
    if (other) other->ring();
  }

  /// From now on a ring rings `other` too, and so does one that nobody has waited for yet. Null:
  /// no longer.
  void pass_on(std::shared_ptr<Doorbell> other) {
    {
      std::lock_guard lock(mutex_);
      other_ = other;
      if (!rung_) return;
    }
    if (other) other->ring();
  }

  /// Whether a ring is there to be waited for.
  bool rung() const {
    std::lock_guard lock(mutex_);
    return rung_;
  }

  /// Returns at the next ring, or after `limit`; true if it rang.
  bool wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    bell_.wait_for(lock, limit, [this] { return rung_; });
    return std::exchange(rung_, false);
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable bell_;
  bool rung_ = false;
  std::shared_ptr<Doorbell> other_;
};

}  // namespace weir
