#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "weir/base/doorbell.h"

namespace weir::http {

struct Connection;

/// Holds connections whose answers only wait, so that a long line needs no thread for each: one
/// thread looks after all of them. Thread-safe.
class Parking {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// `resume` takes over a connection whose wait is over; false: it cannot now, and is asked again.
  /// It is called on a thread of Parking's own.
  explicit Parking(std::function<bool(std::shared_ptr<Connection>)> resume);
  ~Parking() { close(); }

  /// Until `bell` rings, `until` has come or the client has left. False: closed, nothing is held.
  bool park(std::shared_ptr<Connection> connection, std::shared_ptr<Doorbell> bell,
            TimePoint until);
  /// Ends the wait of all that are here now.
  void resume_all();
  /// Takes no more, and returns when all that were here have been resumed.
  void close();

 private:
  struct Parked {
    std::shared_ptr<Connection> connection;
    std::shared_ptr<Doorbell> bell;
    TimePoint until;
  };

  void run();
  /// Those whose wait is over are taken out of `parked_` and returned.
  std::vector<Parked> take_due();
  void mark_those_that_left();

  const std::function<bool(std::shared_ptr<Connection>)> resume_;
  const std::shared_ptr<Doorbell> bell_ = std::make_shared<Doorbell>();
  std::mutex mutex_;
  std::vector<Parked> parked_;
  bool closed_ = false;
  TimePoint looked_{};  // at the clients; used by the thread alone
  std::thread thread_;
};

}  // namespace weir::http
