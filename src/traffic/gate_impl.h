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

/// The refusal for the client: the limit `waiter.blocker`, and when it can be paid.
Error refusal(const Waiter& waiter, TimePoint now);
Error never_fits(const Waiter& waiter);

/// A waiter, and the bell of the thread that waits for it.
struct Sleeper : Waiter {
  std::shared_ptr<const Key> key;
  std::condition_variable bell;
};

/// Makes a Line thread-safe: one mutex for the line, and one condition variable for each waiter.
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

  /// Changes the buckets of an admitted request, and admits the waiting requests that can be paid
  /// then.
  std::vector<CellState> adjust(const Cells& cells, const Cost& change);
  void first_token(const std::string& model, TimePoint admitted_at);
  TimePoint now() const { return clock_.now(); }

  // For Place.
  bool admitted(const Sleeper& waiter) const;
  Standing standing(const Sleeper& waiter) const;
  std::vector<CellState> seen(const Sleeper& waiter) const;
  Result<bool> wait(Sleeper& waiter, std::chrono::milliseconds limit);
  /// Takes the waiter out of the line if it still waits. True: it was admitted.
  bool leave(Sleeper& waiter);

 private:
  Sleeper& describe(Sleeper& waiter, const Entry& entry);
  /// Sets what the waiter takes of its model's capacity, by the model's present pace.
  void price(Sleeper& waiter, TimePoint now);
  /// The error if a bucket can never pay for `waiter`; none: each can.
  std::optional<Error> impossible(Sleeper& waiter) const;
  /// Admits or refuses the waiter if that can be decided at once; otherwise it stays waiting.
  /// REQUIRES: no waiting request has one of its buckets.
  void try_at_once(Sleeper& waiter, TimePoint now);
  /// Requests whose quota's period has ended get the bucket of the next period.
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

/// What a Place holds: a waiter, which is in line or admitted.
class Place::State {
 public:
  explicit State(Gate::Impl& gate) : gate_(gate) {}
  ~State();
  State(const State&) = delete;

  Gate::Impl& gate() const { return gate_; }
  Sleeper& waiter() { return waiter_; }
  const Sleeper& waiter() const { return waiter_; }
  /// What it was admitted for is the permit's from now on, so the destructor gives nothing back.
  void hand_over() { taken_ = true; }

 private:
  Gate::Impl& gate_;
  Sleeper waiter_;
  bool taken_ = false;
};

}  // namespace weir::traffic
