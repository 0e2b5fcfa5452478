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

/// Holds connections on which there is nothing to do: those whose next message has not come yet,
/// and those whose answers wait for a turn. One thread looks after all of them; what it does for
/// one does not grow with the others. Thread-safe.
class Parking {
 public:
  /// Called on a thread of Parking's own; neither may block.
  struct Hooks {
    /// Takes over a connection whose wait is over; false: it cannot now, and is asked again.
    std::function<bool(std::shared_ptr<Connection>)> resume;
    /// Whether a connection without a bell, from whose client something has come, waits for more.
    std::function<bool(Connection&)> waits_on;
  };
  explicit Parking(Hooks hooks);
  ~Parking();

  /// Until `bell` rings (null: something has come from the client), `until` has come or the client
  /// has left. False: closed, nothing is held.
  bool park(std::shared_ptr<Connection> connection, std::shared_ptr<Doorbell> bell,
            TimePoint until);
  /// Ends the wait of all that are here now, and of answers that come later: for when all end.
  void resume_all();
  /// Takes no more, and returns when all that were here have been resumed.
  void close();

 private:
  using Id = uint64_t;  // of one wait; never used again
  class Alarm;
  struct Parked {
    std::shared_ptr<Connection> connection;
    std::shared_ptr<Doorbell> bell;
    TimePoint until;
    bool watched = false;  // its socket, by poll_
  };

  void run();
  /// Returns when there is reason to look: those whose bells rang or on whose sockets something
  /// happened.
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
  TimePoint sleeps_until_ = TimePoint::min();   // the thread
  Id next_id_ = 1;
  bool all_due_ = false, answers_end_ = false, closed_ = false;
  std::thread thread_;
};

}  // namespace weir::http
