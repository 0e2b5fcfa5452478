#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "weir/base/clock.h"
#include "weir/traffic/limiter.h"

namespace weir::traffic {

/// One request that asks to be let in, and what became of it.
struct Waiter {
  enum class State : uint8_t { waiting, admitted, refused };

  std::string client, model;
  std::vector<Cell> cells;  // the key's first, then the model's
  size_t key_cells = 0;
  Cost cost;
  TimePoint deadline;

  State state = State::waiting;
  TimePoint due;                // when it can be paid, as things stand
  Cell blocker;                 // the bucket that refused it
  std::vector<CellState> seen;  // its buckets at the last look
  uint64_t ticket = 0;          // order of arrival
};

/// The requests of one client for one model, in order; never empty.
struct ClientLine {
  std::string client;
  std::deque<Waiter*> waiters;
};

/// The clients that wait for one model; the front has the turn.
using ModelLine = std::list<ClientLine>;

/// The waiting lines before the buckets, as pure logic over an explicit time: a line per model, in
/// it a line per client. A client's requests go in order; clients take turns; who waits for its own
/// key's bucket lets the others pass, who waits for the model's bucket is not overtaken. Not
/// thread-safe. Waiters are the caller's and stay until they leave, are admitted or refused.
class Line {
 public:
  explicit Line(Limiter& limiter) : limiter_(limiter) {}

  /// Nobody stands before a newcomer of this client at this model.
  bool free_for(const std::string& client, const std::string& model) const;
  void join(Waiter& waiter);
  void leave(Waiter& waiter);

  /// Admits who can be paid, foretells the others, refuses who would wait past its deadline.
  /// Returns those whose state changed or whose `due` came nearer.
  std::vector<Waiter*> settle(TimePoint now);

  /// `waiter.due` and its blocker, were it to join now. It stays out.
  void foretell(Waiter& waiter, TimePoint now);
  /// 1: the next of its model's line.
  size_t place_of(const Waiter& waiter) const;

  /// Takes everybody out, as they are.
  std::vector<Waiter*> clear();

  size_t size() const { return size_; }

 private:
  void admit(ModelLine& line, TimePoint now, std::vector<Waiter*>& changed);
  void forget(Waiter& waiter);
  std::vector<ModelLine*> by_age();

  Limiter& limiter_;
  std::map<std::string, ModelLine> models_;       // those with somebody in line
  std::map<std::string, size_t> client_waiting_;  // requests in any line
  size_t size_ = 0;
  uint64_t next_ticket_ = 0;
};

}  // namespace weir::traffic
