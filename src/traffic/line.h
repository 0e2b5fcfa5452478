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

/// One request at the gate, and what became of it.
struct Waiter {
  enum class State : uint8_t { waiting, admitted, refused };

  std::string client, model;
  double weight = 1;
  int priority = 5;
  Cells cells;
  Cost cost;
  TimePoint deadline;

  State state = State::waiting;
  TimePoint due;                  // when it is admitted, as predicted; max: no prediction
  size_t place = 0;               // in its model's line, as predicted; 1: next
  const Cell* blocker = nullptr;  // the bucket that it waits for
  std::vector<CellState> seen;    // its buckets at the last look

  // Set by Line::join().
  uint64_t ticket = 0;  // order of arrival
  uint32_t level = 0;   // in the order of service
  double charge = 0;    // added to its client's `served` when it is admitted
};

/// The requests of one client for one model, in the order of their arrival. Never empty.
struct ClientLine {
  std::string client;
  double* served;  // points into its model's line
  std::deque<Waiter*> waiters;
};

/// The clients that wait for one model.
struct ModelLine {
  std::list<ClientLine> clients;
  /// By client: the charges of its admitted requests since this line was last empty.
  std::unordered_map<std::string, double> served;
  std::unordered_map<std::string, size_t> wanted;  // by bucket: how many requests wait for it
  size_t size = 0;
};

/// Whether every request in `line` has this bucket.
bool is_everybodys(const Cell& cell, const ModelLine& line);

/// The turn of a client whose next request is `head`.
inline Turn turn_of(const Waiter& head, double served) { return {head.level, served, head.ticket}; }

/// Whether the prediction for this bucket is only an estimate. A request that waits for such a
/// bucket is not refused before its deadline.
inline bool is_estimate(const Cell* blocker) {
  return blocker != nullptr && blocker->limit.unit == Unit::capacity;
}

/// The buckets that refused a request in one pass over the lines. Later in the pass no request that
/// has one of them is admitted.
using ClosedCells = std::unordered_set<std::string>;
/// The first of `cells` that is closed; null: none.
const Cell* shared(const ClosedCells& closed, const std::vector<Cell>& cells);

/// The waiting lines before the buckets, as pure logic over an explicit time. There is a line for
/// each model, and in it a line for each client. A client's requests are admitted in the order of
/// their arrival; the order of service decides which client is next. A request that waits for a
/// bucket is overtaken only by requests that do not have this bucket. Not thread-safe. The caller
/// owns the waiters, and keeps each until it leaves, is admitted or is refused.
class Line {
 public:
  /// `forecast_age`: how old predictions may be with Foresight::soon. `order` outlives the line.
  explicit Line(Limiter& limiter, std::chrono::milliseconds forecast_age = {},
                const ServiceOrder& order = fair_order())
      : limiter_(limiter), forecast_age_(forecast_age), order_(order) {}

  /// Whether no waiting request has one of these buckets.
  bool free_for(const std::vector<Cell>& cells) const;
  void join(Waiter& waiter);
  void leave(Waiter& waiter);

  /// If the period of a quota has ended, gives the waiting requests the buckets of the next period.
  void renew(TimePoint now, const std::function<Cells(const Waiter&)>& cells_of);

  /// Admits the requests that can be paid, predicts the waits of the others, and refuses those that
  /// would wait past their deadline. Returns the requests whose state changed or whose `due` became
  /// earlier. A prediction takes time for each waiting request. So with `soon` the predictions may
  /// be up to `forecast_age` old; is_stale() says when to settle again.
  enum class Foresight : uint8_t { now, soon };
  std::vector<Waiter*> settle(TimePoint now, Foresight foresight = Foresight::now);
  bool is_stale(TimePoint now) const { return stale_ && now - predicted_ >= forecast_age_; }

  /// Sets `due`, `place` and `blocker` as if `waiter` joined now, and the state `refused` if it
  /// would wait too long. It does not join, and the other requests are not changed.
  void predict(Waiter& waiter, TimePoint now);

  /// Takes all requests out of the lines and changes none of them.
  std::vector<Waiter*> clear();

  size_t size() const { return size_; }

 private:
  void admit(TimePoint now, std::vector<Waiter*>& changed);
  /// False: no request of this line can be admitted.
  bool admit_next(ModelLine& line, ClosedCells& closed, TimePoint now,
                  std::vector<Waiter*>& changed);
  void refuse(Waiter& waiter, TimePoint now, std::vector<Waiter*>& changed);
  /// Predicts all waits. Marks the requests that would wait too long as refused and returns them;
  /// they are still in line. Adds the requests whose `due` became earlier to `nearer`.
  std::vector<Waiter*> play(TimePoint now, std::vector<Waiter*>& nearer);
  std::vector<Waiter*> overdue(TimePoint now) const;
  void want(ModelLine& line, const Waiter& waiter);
  void forget(ModelLine& line, const Waiter& waiter);
  std::vector<ModelLine*> by_age();

  Limiter& limiter_;
  const std::chrono::milliseconds forecast_age_;
  const ServiceOrder& order_;
  std::map<std::string, ModelLine> models_;  // only models with a waiting request
  TimePoint next_end_ = TimePoint::max();    // the first end of a quota of a waiting request
  size_t size_ = 0;
  uint64_t next_ticket_ = 0;
  TimePoint predicted_{};  // when the waits were predicted last
  bool stale_ = false;
};

}  // namespace weir::traffic
