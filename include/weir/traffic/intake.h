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
  uint32_t turns = 2;                       // of long requests at a time, and as many of short ones
  size_t short_bytes = size_t{16} << 10;    // a body up to this size is short
  size_t unasked_bytes = size_t{64} << 10;  // a body up to this size always has room
  size_t room_bytes = size_t{384} << 20;    // for the bodies of all requests that are not yet read
  std::chrono::milliseconds retry_after{2000};  // what a client is told that finds no room
};

/// What the intake does now.
struct IntakeLoad {
  size_t waiting = 0, running = 0;  // requests
  size_t bytes = 0;                 // of bodies that are held
};

/// The work before the gate: a request's body takes room, and then a turn to be parsed, rendered
/// and tokenized. Both are bounded, and shared fairly by the clients.
///
/// Room: a client takes no more of it than it leaves free, so that one client alone fills half of
/// it, two a third each. Turns: where more requests wait than have turns, the next is of the client
/// that was served least for its weight, and of its requests the shortest, but one that waits since
/// a microsecond counts as a byte shorter. A short request runs in its own thread. A long one runs
/// in a thread of the intake, of low priority, so that it takes little from the model's steps; what
/// the work leaves unused in the allocator is given back to the system soon after.
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
  /// Whether a body of this size runs in a thread of the intake.
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

/// One request's share of the intake, given back when it dies. Move-only; used by one thread at a
/// time.
class IntakeVisit {
 public:
  IntakeVisit(IntakeVisit&&) noexcept;
  ~IntakeVisit();

  /// Room for `bytes` in all; more than before. Errors: overloaded.
  Result<void> hold(size_t bytes);
  size_t bytes() const;
  /// Waits for the turn, as long as it takes. Errors: cancelled, deadline. REQUIRES: it has no
  /// turn.
  Result<void> enter(const Patience& patience);
  /// Runs `work` to its end; in place where it has no turn. What it throws, run() throws.
  void run(const std::function<void()>& work);
  /// Gives back the turn; the room stays. run() works in place after that.
  void leave();

 private:
  friend class Intake;
  class State;
  explicit IntakeVisit(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir::traffic
