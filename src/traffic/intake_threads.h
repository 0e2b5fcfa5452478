#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace weir::traffic {

/// Threads of low priority that run long work for other threads, and give memory back to the system
/// after it. Thread-safe.
class IntakeThreads {
 public:
  explicit IntakeThreads(size_t count);
  ~IntakeThreads();
  IntakeThreads(const IntakeThreads&) = delete;

  /// Runs `work` in one of the threads, and returns at its end. Throws what `work` throws.
  void run(const std::function<void()>& work);
  /// Call it when much memory was freed, or is about to be.
  void trim_soon();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Job {
    const std::function<void()>& work;
    std::condition_variable ended;
    bool done = false;
    std::exception_ptr thrown = {};
  };

  void loop();
  void perform(Job& job, std::unique_lock<std::mutex>& lock);
  void trim(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job*> jobs_;
  std::optional<Time> trim_at_;
  Time trimmed_{};
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace weir::traffic
