#pragma once

#include <httplib.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "http/connection.h"
#include "http/parking.h"

namespace weir::http {

class WorkerThreads;

struct GuardLimits {
  size_t max_body;
  size_t max_connections;
  std::chrono::milliseconds header_timeout, body_timeout, write_timeout, keep_alive;
};

/// cpp-httplib's server with a connection loop of our own. The loop has absolute time limits. It
/// never reads on after an error, since bytes left over from a refused message must not be taken
/// for the next message. A connection holds no thread while it is idle, while its header comes
/// slowly, while its answer waits for its turn, or while its client gets time to read the last
/// answer.
class GuardedServer final : public httplib::Server {
 public:
  /// `finished` is called on the connection's thread after each answer. `open_changed` is called
  /// with the number of open connections whenever it changes.
  struct Hooks {
    std::function<void(Connection&)> finished;
    std::function<void(size_t)> open_changed;
  };
  GuardedServer(GuardLimits limits, Hooks hooks);

  /// REQUIRES: `request` is one that this server is processing.
  Connection& connection_of(const httplib::Request& request);
  /// Ends the wait of every parked answer, so that it can end with the error that the daemon stops.
  void wake_waiting() { parking_.resume_all(); }
  /// Stops accepting and shuts down every connection. Connections that come later are closed at
  /// once.
  void shut_down();

 private:
  enum class Next : uint8_t {
    message,
    wait_for_message,
    wait_for_turn,
    leave,
    wait_to_leave,
    close
  };

  bool process_and_close_socket(socket_t socket) override;
  bool add(Connection& connection);
  void remove(Connection& connection);
  /// Runs the connection from `next` on, until it is closed or parked.
  void serve(std::shared_ptr<Connection> connection, Next next);
  Next next_message(Connection& connection);
  /// The next step of a resumed connection.
  Next resumed(Connection& connection);
  bool park(const std::shared_ptr<Connection>& connection, Next waits);
  Next serve_message(Connection& connection);
  Next refuse_head(Connection& connection, WireFault fault);
  /// Continues to write the body of the answer.
  Next write_body(Connection& connection);
  Next finish(Connection& connection, bool written);
  Next begin_to_leave(Connection& connection);
  Next leave(Connection& connection);
  std::chrono::milliseconds header_limit(const Connection& connection) const;
  /// How long a thread may wait for the client before the connection is parked.
  std::chrono::milliseconds patience() const;

  const GuardLimits limits_;
  const Hooks hooks_;
  std::mutex mutex_;
  std::map<int, Connection*> connections_;  // by socket
  bool shut_down_ = false;
  WorkerThreads* pool_ = nullptr;  // the library owns it while it listens
  Parking parking_;
};

}  // namespace weir::http
