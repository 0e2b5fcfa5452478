#pragma once

#include <poll.h>

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/doorbell.h"

namespace weir::http {

struct Connection;

/// Holds connections on which there is nothing to do: those whose next message has not come yet,
/// and those whose answers wait for a turn. One thread looks after all of them. Thread-safe.
class Parking {
 public:
  /// `resume` takes over a connection whose wait is over; false: it cannot now, and is asked again.
  /// It is called on a thread of Parking's own.
  explicit Parking(std::function<bool(std::shared_ptr<Connection>)> resume);
  ~Parking() { close(); }

  /// Until `bell` rings (null: something has come from the client), `until` has come or the client
  /// has left. False: closed, nothing is held.
  bool park(std::shared_ptr<Connection> connection, std::shared_ptr<Doorbell> bell,
            TimePoint until);
  /// Ends the wait of all that are here now.
  void resume_all();
  /// Takes no more, and returns when all that were here have been resumed.
  void close();

 private:
  class Alarm;
  struct Parked {
    std::shared_ptr<Connection> connection;
    std::shared_ptr<Doorbell> bell;
    TimePoint until;
  };

  void run();
  /// Returns when somebody has reason to be resumed.
  void wait();
  std::vector<Parked> take_due();

  const std::function<bool(std::shared_ptr<Connection>)> resume_;
  const std::shared_ptr<Alarm> alarm_;
  std::mutex mutex_;
  std::vector<Parked> parked_;  // new ones at the end
  bool closed_ = false;
  std::vector<pollfd> sockets_;  // the alarm, then those of parked_; used by the thread alone
  std::thread thread_;
};

}  // namespace weir::http
