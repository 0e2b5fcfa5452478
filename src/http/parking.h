#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/doorbell.h"

namespace weir::http {

struct Connection;

/// Holds connections on which there is nothing to do: those whose next message has not come, and
/// those whose answers wait for a turn. One thread watches all of them. Its work for one connection
/// does not grow with their number. Thread-safe.
class Parking {
 public:
  /// Called on Parking's own thread. They must not block.
  struct Hooks {
    /// Takes over a connection whose wait is over. False: it cannot now, and is called again later.
    std::function<bool(std::shared_ptr<Connection>)> resume;
    /// Called when a connection without a bell has got bytes: whether it still waits.
    std::function<bool(Connection&)> waits_on;
  };
  explicit Parking(Hooks hooks);
  ~Parking();

  /// Holds the connection until `bell` rings (null: until bytes come), `until` has come or the
  /// client has left. False: Parking is closed and holds nothing.
  bool park(std::shared_ptr<Connection> connection, std::shared_ptr<Doorbell> bell,
            TimePoint until);
  /// Ends the wait of all parked connections, and of all answers that are parked later. Called when
  /// the server stops.
  void resume_all();
  /// Takes no more connections. Returns when all parked ones have been resumed.
  void close();

 private:
  using Id = uint64_t;  // names one wait; never used again
  class Alarm;
  struct Parked {
    std::shared_ptr<Connection> connection;
    std::shared_ptr<Doorbell> bell;
    TimePoint until;
    bool watched = false;  // poll_ watches its socket
  };

  void run();
  /// Waits, and returns the connections whose bells rang or on whose sockets something happened.
  std::vector<Id> wait();
  std::vector<Parked> take_due(const std::vector<Id>& stirred);
  bool waits_on(Id id);
  // REQUIRES: mutex_ is held.
  void add(Id id, Parked parked);
  Parked take(Id id);
  bool watch(int socket, uint32_t events, Id id) const;

  const Hooks hooks_;
  const int poll_;  // an epoll instance
  const std::shared_ptr<Alarm> alarm_;
  std::mutex mutex_;
  std::unordered_map<Id, Parked> parked_;
  std::set<std::pair<TimePoint, Id>> by_time_;  // of parked_
  TimePoint sleeps_until_ = TimePoint::min();   // when the thread wakes by itself
  Id next_id_ = 1;
  bool all_due_ = false, answers_end_ = false, closed_ = false;
  std::thread thread_;
};

}  // namespace weir::http
