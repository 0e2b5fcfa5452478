#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace weir {

/// How far a long step has come, written by who does it and read by `/ready` and the log.
/// Thread-safe.
class Progress {
 public:
  struct State {
    std::string phase;   // "reading weights", "packing", "warming up"; "ready" at the end
    double percent = 0;  // of the whole, 0 to 100
    std::optional<std::chrono::seconds> left;  // estimated from the rate so far
  };

  void set(std::string phase, double percent) {
    std::lock_guard lock(mutex_);
    phase_ = std::move(phase);
    percent_ = percent;
  }

  State state() const {
    std::lock_guard lock(mutex_);
    State state{phase_, percent_, std::nullopt};
    if (percent_ > 1) {
      std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
      state.left = std::chrono::seconds(
          static_cast<int64_t>(spent.count() * (100 - percent_) / percent_ + 0.5));
    }
    return state;
  }

 private:
  mutable std::mutex mutex_;
  std::string phase_ = "starting";
  double percent_ = 0;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace weir
