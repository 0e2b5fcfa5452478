#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "response_cache_store.h"
#include "weir/serve/service.h"

namespace weir::serve {

/// A generation that several requests read, each from its first piece on. It has no thread: who
/// waits for a piece that is not there yet drives it, the others wait for him, and when he leaves
/// the next one does. So it goes on while anybody reads, and is cancelled with its last reader.
/// Thread-safe.
class SharedRun {
 public:
  using Keep = std::function<void(StoredAnswer)>;

  /// `keep` gets the whole answer once, unless it fails.
  SharedRun(std::unique_ptr<Generation> generation, Keep keep);

  /// Piece `at`, waiting for it at most `limit`; nullopt: it is not there, or never will be. The
  /// error of the generation comes after all its pieces.
  Result<std::optional<Delta>> read(size_t at, std::chrono::milliseconds limit);

  bool ended_at(size_t at) const;  // whole, with no piece from `at` on
  bool failed() const;
  std::optional<Standing> standing();
  Usage usage() const;  // so far

 private:
  /// One look at the generation, with the lock released meanwhile.
  void drive(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds limit);
  StoredAnswer whole() const;

  const Keep keep_;
  const size_t choices_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::unique_ptr<Generation> generation_;  // while driven_, his who drives
  bool driven_ = false, ended_ = false;
  std::vector<Delta> pieces_;
  Usage usage_;
  std::optional<Error> error_;
};

}  // namespace weir::serve
