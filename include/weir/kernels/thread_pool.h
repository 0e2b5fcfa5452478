#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace weir::kernels {

/// Threads that take chunks of one task from a counter. The caller takes chunks too, and waits only
/// for a chunk that some thread is inside: no barrier, so a thread that is not scheduled delays
/// nobody. `run` is called by one thread at a time.
class ThreadPool {
 public:
  /// `threads` counts the caller: 1 means no worker. `prepare` runs once in each worker before its
  /// first chunk.
  explicit ThreadPool(int threads, std::function<void()> prepare = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  /// Runs task(0) ... task(chunks - 1), each exactly once, and returns when all are done. An
  /// exception in a chunk reaches the caller after the others are done. REQUIRES 0 <= chunks <
  /// 65536.
  void run(int chunks, const std::function<void(int)>& task);

  /// While open, workers spin briefly between tasks instead of sleeping at once.
  void step_begin();
  void step_end();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::kernels
