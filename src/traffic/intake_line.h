#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "weir/base/clock.h"

namespace weir::traffic {

/// The order of the requests that wait for a turn: start-time fair queueing over clients (Goyal,
/// Vin and Cheng 1996). Within a client the shortest request is next, and age makes a request
/// shorter. A cost is in microseconds; a byte is expected to take one. Not thread-safe.
class IntakeLine {
 public:
  struct Waiter {
    std::string client;
    double weight = 1;
    size_t bytes = 0;
    TimePoint since{};
    uint64_t number = 0;  // set by join()
  };

  void join(Waiter& waiter);
  void leave(const Waiter& waiter);
  /// Takes the next request off the line and charges its expected cost. Null: no request waits.
  Waiter* next();
  /// Corrects the charge of a request that next() took to what it has cost.
  void settle(const Waiter& waiter, Duration spent);

  size_t waiting() const { return waiting_; }
  size_t clients() const { return clients_.size(); }  // remembered ones

 private:
  using Rank = std::pair<int64_t, uint64_t>;  // bytes + arrival in microseconds, number
  struct Client {
    double start = 0;    // virtual time at which its next request begins
    uint64_t since = 0;  // number of the request that began its line
    std::map<Rank, Waiter*> line;
  };
  struct Before {
    bool operator()(const Client* a, const Client* b) const {
      return std::pair(a->start, a->since) < std::pair(b->start, b->since);
    }
  };

  static Rank rank_of(const Waiter& waiter);
  /// Sets the client's start, and with it its place in the order.
  void move(Client& client, double start);
  void forget();  // clients that are as a new one would be

  std::map<std::string, Client> clients_;
  std::set<Client*, Before> order_;  // those with a line that is not empty
  double now_ = 0;                   // virtual time: the start of the request that was taken last
  size_t waiting_ = 0, forget_at_ = 64;
  uint64_t numbers_ = 0;
};

}  // namespace weir::traffic
