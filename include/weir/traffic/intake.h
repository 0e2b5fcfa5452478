#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "weir/base/clock.h"
#include "weir/base/metrics.h"
#include "weir/base/result.h"
#include "weir/traffic/key.h"

namespace weir::traffic {

class IntakeVisit;

struct IntakeOptions {
  uint32_t turns = 2;                       // long requests at a time, and as many short ones
  size_t short_bytes = size_t{16} << 10;    // a body up to this size is short
  size_t unasked_bytes = size_t{64} << 10;  // a body up to this size always has room
  size_t room_bytes = size_t{384} << 20;    // for the bodies of all requests that are still read
  std::chrono::milliseconds retry_after{2000};  // for a client that finds no room
};

/// What the intake does now.
struct IntakeLoad {
  size_t waiting = 0, running = 0;  // requests
  size_t bytes = 0;                 // held bodies
};

/// The work before the gate. A request takes room for its body, and then a turn in which it is
/// parsed, rendered and tokenized. Both are bounded, and clients share them fairly.
///
/// Room: a client may hold at most as much as is free after it. So one client alone fills half of
/// the room, and two fill a third each. Turns: if requests wait, the next turn goes to the client
/// that was served least for its weight. Of its requests the shortest goes first; a request counts
/// as one byte shorter for each microsecond that it has waited. A short request runs in its own
/// thread. A long one runs in a thread of the intake with low priority, so that it takes little
/// from the model's steps. Memory that such work leaves free in the allocator is given back to the
/// system soon after.
///
/// Thread-safe. Outlives its visits.
class Intake {
 public:
  /// `clock` and `metrics` outlive it.
  Intake(IntakeOptions options, const Clock& clock, Registry& metrics);
  ~Intake();
  Intake(const Intake&) = delete;

  IntakeVisit visit(std::shared_ptr<const Key> key);
  IntakeLoad load() const;
  /// Whether a request with a body of this size runs in a thread of the intake.
  bool is_long(size_t bytes) const;

 private:
  friend class IntakeVisit;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// When a request stops waiting for its turn.
struct Patience {
  std::function<bool()> gone;         // the client left; may be null
  std::optional<TimePoint> deadline;  // of the request
};

/// One request's room and turn. The destructor gives both back. Move-only; used by one thread at a
/// time.
class IntakeVisit {
 public:
  IntakeVisit(IntakeVisit&&) noexcept;
  ~IntakeVisit();

  /// Takes room for `bytes` in total; never less than before. Errors: overloaded.
  Result<void> hold(size_t bytes);
  size_t bytes() const;
  /// Waits for the turn, without a limit. Errors: cancelled, deadline. REQUIRES: it has no turn.
  Result<void> enter(const Patience& patience);
  /// Runs `work` to its end, in the calling thread if it has no turn. Throws what `work` throws.
  void run(const std::function<void()>& work);
  /// Gives the turn back and keeps the room. After that run() uses the calling thread.
  void leave();

 private:
  friend class Intake;
  class State;
  explicit IntakeVisit(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir::traffic
