#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/result.h"

namespace weir::serve {

class Identity;  // a key; opaque outside of serve
class Preparation;

/// What was decided about a request, for the answer's headers, those of a refusal too. Empty: there
/// is nothing to tell.
struct Notes {
  struct Waiting {
    size_t place = 0;  // in line at the gate; 1: next
    std::chrono::milliseconds predicted{0};
  };
  std::string model;                                        // that serves it
  std::vector<std::pair<std::string, std::string>> limits;  // header names and values
  std::optional<Waiting> waiting;
  std::vector<std::string> brownout;  // the rules that were applied to it
  std::string response_cache;         // "hit", "miss", "coalesced"
};

/// Who asks and how the request is to be treated. Outlives the request's Generation.
struct Caller {
  std::shared_ptr<const Identity> identity;
  std::string request_id;
  std::function<bool()> gone;  // the client left; asked while waiting. May be null
  std::optional<std::chrono::milliseconds> max_wait;  // lowers the key's
  std::optional<std::chrono::milliseconds> timeout;   // the request's own deadline
  std::optional<int> priority;                        // 0 to 9; lowers the key's
  std::shared_ptr<Preparation> preparation;           // null: nothing bounds it
  Notes notes;                                        // filled by the service
};

/// What a request takes before its limits are asked: room for its body, and a turn to be parsed,
/// rendered and tokenized. Dying gives both back. Used by one thread at a time.
class Preparation {
 public:
  virtual ~Preparation() = default;
  /// Room for a body of `bytes` in all, more than before. Errors: overloaded.
  virtual Result<void> hold(size_t bytes) = 0;
  /// Waits for the turn. Errors: cancelled, deadline.
  virtual Result<void> enter(const Caller& caller) = 0;
  /// Runs `work` to its end, perhaps in another thread; without a turn in this one.
  virtual void run(const std::function<void()>& work) = 0;
  /// Gives back the turn; the room stays.
  virtual void leave() = 0;
};

/// What `work` returns, run as the caller's preparation runs it.
template <class Work>
auto prepared(const Caller& caller, Work work) -> decltype(work()) {
  if (!caller.preparation) return work();
  std::optional<decltype(work())> result;
  caller.preparation->run([&] { result.emplace(work()); });
  return *std::move(result);
}

}  // namespace weir::serve
