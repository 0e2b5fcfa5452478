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

/// A generation that several requests read, each from the first piece on. It has no thread of its
/// own: one reader that waits for a new piece drives the generation, and the other readers wait for
/// that reader. When it leaves, another reader drives. So the generation goes on while it has a
/// reader, and is cancelled with the last one. Thread-safe.
class SharedRun {
 public:
  using Keep = std::function<void(StoredAnswer)>;

  /// `keep` gets the whole answer once, unless the generation fails.
  SharedRun(std::unique_ptr<Generation> generation, Keep keep);

  /// Piece `at`. Waits at most `limit` for it. nullopt: it has not come, or the generation ended
  /// before it. An error of the generation comes after all its pieces.
  Result<std::optional<Delta>> read(size_t at, std::chrono::milliseconds limit);

  bool ended_at(size_t at) const;  // without an error, and with no piece from `at` on
  bool failed() const;
  std::optional<PlaceInLine> standing();
  Usage usage() const;  // so far

 private:
  /// Calls next() of the generation once, with the lock released.
  void drive(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds limit);
  StoredAnswer whole() const;

  const Keep keep_;
  const size_t choices_;
  mutable std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  std::unique_ptr<Generation> generation_;  // while driven_, only the driver uses it
  bool driven_ = false, ended_ = false;
  std::vector<Delta> pieces_;
  Usage usage_;
  std::optional<Error> error_;
};

}  // namespace weir::serve
