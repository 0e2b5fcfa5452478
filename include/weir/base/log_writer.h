#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace weir {

/// Writes lines to a file descriptor from a thread of its own, so that nobody who logs waits for
/// who reads. What does not fit into the queue is dropped and counted. Thread-safe.
class LogWriter {
 public:
  struct Options {
    int file = 2;                         // not closed; may block, be a full pipe or be closed
    size_t most_bytes = size_t{1} << 20;  // of lines that wait
    /// The line that says how many were dropped, with its line break; called by the writing thread.
    std::function<std::string(uint64_t)> dropped_line;
  };

  explicit LogWriter(Options options);
  /// What is not written yet is lost; drain() first.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;

  /// `line` ends with its line break. Never waits for the descriptor.
  void put(std::string line);

  /// Until all that was put is written or dropped, at most `limit`. Returns whether it is.
  bool drain(std::chrono::milliseconds limit);

  uint64_t dropped() const;

 private:
  class State;
  // Also of the thread, which nobody can end while the descriptor blocks: it is left behind then.
  const std::shared_ptr<State> state_;
};

}  // namespace weir
