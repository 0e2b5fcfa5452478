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

class ThreadPool;

struct GuardLimits {
  size_t max_body;
  size_t max_connections;
  std::chrono::milliseconds header_timeout, body_timeout, write_timeout, keep_alive;
};

/// cpp-httplib's server with its connection loop replaced by one that keeps absolute limits and
/// never reads on after something went wrong: bytes left over from a refused message must not be
/// taken for the next one. No thread is held by a connection that is idle, whose header comes
/// slowly, whose stream waits for its turn or whose client is given time to read its last answer.
class GuardedServer final : public httplib::Server {
 public:
  /// `on_finished` is called on the connection's thread after each answer, and with each change of
  /// `open`.
  struct Hooks {
    std::function<void(Connection&)> finished;
    std::function<void(size_t)> open_changed;
  };
  GuardedServer(GuardLimits limits, Hooks hooks);

  /// REQUIRES: `request` is one that this server is processing.
  Connection& connection_of(const httplib::Request& request);
  /// Streams that wait look up: for when the daemon stops.
  void wake_waiting() { parking_.resume_all(); }
  /// Stops accepting and shuts down every connection; those that come later are closed at once.
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
  /// From `next` on until the connection is closed or parked.
  void serve(std::shared_ptr<Connection> connection, Next next);
  Next next_message(Connection& connection);
  /// Where a resumed connection goes on.
  Next resumed(Connection& connection);
  bool park(const std::shared_ptr<Connection>& connection, Next waits);
  Next serve_message(Connection& connection);
  Next refuse_head(Connection& connection, WireFault fault);
  /// Writes on at the body of the answer.
  Next write_body(Connection& connection);
  Next finish(Connection& connection, bool written);
  Next begin_to_leave(Connection& connection);
  Next leave(Connection& connection);
  std::chrono::milliseconds header_limit(const Connection& connection) const;
  /// How long a thread may wait for the client itself.
  std::chrono::milliseconds patience() const;

  const GuardLimits limits_;
  const Hooks hooks_;
  std::mutex mutex_;
  std::map<int, Connection*> connections_;  // by socket
  bool shut_down_ = false;
  ThreadPool* pool_ = nullptr;  // the library's, while it listens
  Parking parking_;
};

}  // namespace weir::http
