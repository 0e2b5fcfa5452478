#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/service_order.h"
#include "weir/traffic/limiter.h"

namespace weir::traffic {

/// All buckets of a key's requests for a model: the key's, its tenant's, the model's.
using Cells = std::shared_ptr<const std::vector<Cell>>;

/// One request that asks to be let in, and what became of it.
struct Waiter {
  enum class State : uint8_t { waiting, admitted, refused };

  std::string client, model;
  double weight = 1;
  int priority = 5;
  Cells cells;
  Cost cost;
  TimePoint deadline;

  State state = State::waiting;
  TimePoint due;                  // when it is let in, if nothing changes; max: not predictable
  size_t place = 0;               // in its model's line, if nothing changes; 1: next
  const Cell* blocker = nullptr;  // the bucket that it waits for
  std::vector<CellState> seen;    // its buckets at the last look

  // Set by Line::join().
  uint64_t ticket = 0;  // order of arrival
  uint32_t level = 0;   // in the order of service
  double charge = 0;    // what it adds to what its client was served
};

/// The requests of one client for one model, in order; never empty.
struct ClientLine {
  std::string client;
  double* served;  // of its model's line
  std::deque<Waiter*> waiters;
};

/// The clients that wait for one model, and the tokens that each was let in with since somebody
/// waits here, as the order of service charges them.
struct ModelLine {
  std::list<ClientLine> clients;
  std::unordered_map<std::string, double> served;
  std::unordered_map<std::string, size_t> wanted;  // by bucket: how many requests wait for it
  size_t size = 0;
};

/// Every request in `line` has this bucket.
bool is_everybodys(const Cell& cell, const ModelLine& line);

/// The turn of a client whose next request is `head`.
inline Turn turn_of(const Waiter& head, double served) { return {head.level, served, head.ticket}; }

/// A bucket whose forecast is an estimate: a request that waits for it stays until its deadline.
inline bool is_estimate(const Cell* blocker) {
  return blocker != nullptr && blocker->limit.unit == Unit::capacity;
}

/// Buckets that refused a request in a pass over the lines. A later request that shares one of them
/// stands behind it.
using ClosedCells = std::unordered_set<std::string>;
/// The first of `cells` that is closed; null: none.
const Cell* shared(const ClosedCells& closed, const std::vector<Cell>& cells);

/// The waiting lines before the buckets, as pure logic over an explicit time: a line per model, in
/// it a line per client. A client's requests go as they came; which client is next, the order of
/// service says. A request that waits for a bucket is overtaken only by requests that do not share
/// it. Not thread-safe. Waiters are the caller's and stay until they leave, are admitted or
/// refused.
class Line {
 public:
  /// `forecast_age` is how old forecasts may be for Foresight::soon. `order` outlives the line.
  explicit Line(Limiter& limiter, std::chrono::milliseconds forecast_age = {},
                const ServiceOrder& order = fair_order())
      : limiter_(limiter), forecast_age_(forecast_age), order_(order) {}

  /// No request that waits shares one of these buckets.
  bool free_for(const std::vector<Cell>& cells) const;
  void join(Waiter& waiter);
  void leave(Waiter& waiter);

  /// Gives requests that wait for a quota whose period has ended the buckets of the next period.
  void renew(TimePoint now, const std::function<Cells(const Waiter&)>& cells_of);

  /// Admits requests that can be paid, predicts the waits of the others, refuses those that would
  /// wait past their deadline. Returns those whose state changed or whose `due` came nearer. A
  /// forecast costs time for each request that waits, so with `soon` it may be up to `forecast_age`
  /// old: is_stale() says when to settle again.
  enum class Foresight : uint8_t { now, soon };
  std::vector<Waiter*> settle(TimePoint now, Foresight foresight = Foresight::now);
  bool is_stale(TimePoint now) const { return stale_ && now - foretold_ >= forecast_age_; }

  /// Sets `due`, `place` and `blocker` as if `waiter` joined now, and `refused` where it would wait
  /// too long. It does not join, and the others stay as they are.
  void foretell(Waiter& waiter, TimePoint now);

  /// Takes all requests out, as they are.
  std::vector<Waiter*> clear();

  size_t size() const { return size_; }

 private:
  void admit(TimePoint now, std::vector<Waiter*>& changed);
  /// false: no request of this line can go.
  bool admit_next(ModelLine& line, ClosedCells& closed, TimePoint now,
                  std::vector<Waiter*>& changed);
  void refuse(Waiter& waiter, TimePoint now, std::vector<Waiter*>& changed);
  /// Predicts all waits, and marks as refused the requests that would wait too long. Returns them;
  /// they are still in line. Adds those whose `due` came nearer.
  std::vector<Waiter*> play(TimePoint now, std::vector<Waiter*>& nearer);
  std::vector<Waiter*> overdue(TimePoint now) const;
  void want(ModelLine& line, const Waiter& waiter);
  void forget(ModelLine& line, const Waiter& waiter);
  std::vector<ModelLine*> by_age();

  Limiter& limiter_;
  const std::chrono::milliseconds forecast_age_;
  const ServiceOrder& order_;
  std::map<std::string, ModelLine> models_;  // those with a request in line
  TimePoint next_end_ = TimePoint::max();    // the first end of a quota that a request in line has
  size_t size_ = 0;
  uint64_t next_ticket_ = 0;
  TimePoint foretold_{};
  bool stale_ = false;
};

}  // namespace weir::traffic
