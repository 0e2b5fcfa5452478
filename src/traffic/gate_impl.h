#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "traffic/capacity.h"
#include "traffic/cell_book.h"
#include "traffic/line.h"
#include "weir/traffic/gate.h"

namespace weir::traffic {

/// Units that refused, and when they can be paid, as the client reads it. `waiter.blocker` says
/// which.
Error refusal(const Waiter& waiter, TimePoint now);
Error never_fits(const Waiter& waiter);

/// A waiter and the thread that sleeps for it.
struct Sleeper : Waiter {
  std::shared_ptr<const Key> key;
  std::condition_variable bell;
};

/// The threads around a Line: one mutex for the line, one condition variable for each who waits.
class Gate::Impl {
 public:
  Impl(std::unique_ptr<Limiter> limiter, const Clock& clock, GateOptions options)
      : limiter_(std::move(limiter)),
        clock_(clock),
        book_(*limiter_, clock, options),
        capacities_(*limiter_),
        line_(*limiter_, options.forecast_age, *options.order) {}

  CellBook& book() { return book_; }
  void set_rules(Rules rules);
  void watch(const std::string& model, std::function<ModelPace()> pace);
  std::optional<CapacityState> capacity(const std::string& model) const;
  Result<std::unique_ptr<Place::State>> enter(const Entry& entry, std::vector<CellState>* cells);
  Quote quote(const Entry& entry);
  size_t waiting() const;
  void close();

  /// Moves the buckets of who is in, and lets in who can be paid now.
  std::vector<CellState> adjust(const Cells& cells, const Cost& change);
  void first_token(const std::string& model, TimePoint admitted_at);
  TimePoint now() const { return clock_.now(); }

  // What a Place asks for.
  bool admitted(const Sleeper& waiter) const;
  Standing standing(const Sleeper& waiter) const;
  std::vector<CellState> seen(const Sleeper& waiter) const;
  Result<bool> wait(Sleeper& waiter, std::chrono::milliseconds limit);
  /// Takes the waiter out of the line; true: it was admitted.
  bool leave(Sleeper& waiter);

 private:
  Sleeper& describe(Sleeper& waiter, const Entry& entry);
  /// What it takes of its model's capacity, as things are now.
  void price(Sleeper& waiter, TimePoint now);
  /// The bucket that `waiter` can never pay from, as an error.
  std::optional<Error> impossible(Sleeper& waiter) const;
  /// At once, where nobody is before: admitted or refused. Else it stays waiting.
  void try_at_once(Sleeper& waiter, TimePoint now);
  /// Whose quota's period ended while it waited stands before the next one's bucket.
  void renew(TimePoint now);
  void settle(Line::Foresight foresight = Line::Foresight::now);

  const std::unique_ptr<Limiter> limiter_;
  const Clock& clock_;
  CellBook book_;
  mutable std::mutex mutex_;
  Capacities capacities_;
  Line line_;
  bool closed_ = false;
};

/// What a Place holds.
class Place::State {
 public:
  explicit State(Gate::Impl& gate) : gate_(gate) {}
  ~State();
  State(const State&) = delete;

  Gate::Impl& gate() const { return gate_; }
  Sleeper& waiter() { return waiter_; }
  const Sleeper& waiter() const { return waiter_; }
  /// What it was admitted for is somebody else's now.
  void hand_over() { taken_ = true; }

 private:
  Gate::Impl& gate_;
  Sleeper waiter_;
  bool taken_ = false;
};

}  // namespace weir::traffic
