#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/result.h"

namespace weir::serve {

class Identity;  // a key; opaque outside of serve
class Preparation;
struct RequestLine;

/// What was decided about a request, for the headers of its answer or refusal. An empty field has
/// nothing to tell.
struct Notes {
  struct Waiting {
    size_t place = 0;  // in line at the gate; 1: next
    std::chrono::milliseconds predicted{0};
  };
  std::string model;                                        // serves the request
  std::string fingerprint;                                  // of the weights of `model`
  std::vector<std::pair<std::string, std::string>> limits;  // header names and values
  std::optional<Waiting> waiting;
  std::vector<std::string> brownout;  // the rules that were applied
  std::string response_cache;         // "hit", "miss", "coalesced"
};

/// The client of a request, and how the request is to be treated. Outlives the request's
/// Generation.
struct Caller {
  std::shared_ptr<const Identity> identity;
  std::string request_id;
  /// True: the client left. Called during waits and between parts of long work, also by a thread of
  /// the preparation. May be null.
  std::function<bool()> gone;
  std::optional<std::chrono::milliseconds> max_wait;  // lowers the key's
  std::optional<std::chrono::milliseconds> timeout;   // the request's own deadline
  std::optional<int> priority;                        // 0 to 9; lowers the key's
  std::shared_ptr<Preparation> preparation;           // null: the preparation is not bounded
  std::shared_ptr<RequestLine> line;                  // null: the log has no line of it
  Notes notes;                                        // filled by the service
};

/// What a request takes before its limits are checked: room for its body, and a turn for parsing,
/// rendering and tokenizing. The destructor gives both back. Used by one thread at a time.
class Preparation {
 public:
  virtual ~Preparation() = default;
  /// When it began. The request's own deadline counts from here.
  virtual TimePoint arrival() const = 0;
  /// Takes room for a body of `bytes` in total, more than before. Errors: overloaded.
  virtual Result<void> hold(size_t bytes) = 0;
  /// Waits for the turn. Errors: cancelled, deadline.
  virtual Result<void> enter(const Caller& caller) = 0;
  /// Runs `work` to its end, perhaps in another thread. Without a turn `work` runs in the calling
  /// thread.
  virtual void run(const std::function<void()>& work) = 0;
  /// Gives the turn back and keeps the room.
  virtual void leave() = 0;
};

/// Lets the caller's preparation run `work`, and returns what `work` returned.
template <class Work>
auto prepared(const Caller& caller, Work work) -> decltype(work()) {
  if (!caller.preparation) return work();
  std::optional<decltype(work())> result;
  caller.preparation->run([&] { result.emplace(work()); });
  return *std::move(result);
}

}  // namespace weir::serve
