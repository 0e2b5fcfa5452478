#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/metrics.h"
#include "weir/base/result.h"
#include "weir/serve/service.h"

namespace weir::http {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;                     // 0: a free one
  size_t max_body = size_t{16} << 20;  // bytes
  /// Above this number only open routes (api::Access) are answered; other requests get 503.
  int max_connections = 2048;
  std::chrono::milliseconds header_timeout{10000};  // absolute, for a request's header
  std::chrono::milliseconds body_timeout{60000};    // absolute, for its body
  std::chrono::milliseconds write_timeout{
      30000};  // a write that stalls for so long closes the connection
  std::chrono::milliseconds keep_alive{75000};
  std::chrono::milliseconds ping{15000};  // a stream without an event for so long sends a comment
  std::vector<std::string> cors_origins;  // empty: off
  /// While the service wants no key, a request's Host must be one of these, `host`, or a name of
  /// loopback. "*": any.
  std::vector<std::string> allowed_hosts;
  int overload_status = 503;           // the status if too much waits; some gateways want 429
  bool refuse_unknown_fields = false;  // in bodies; false: ignored, and the answer names them
  std::string version;
};

/// The HTTP front end: cpp-httplib behind a guard, before the routes of `api`. Thread-safe.
class Server {
 public:
  /// Binds at once and answers from then on. Errors: the address cannot be bound. `service` and
  /// `metrics` outlive it.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, serve::Service& service,
                                               Registry& metrics);
  virtual ~Server() = default;  // stop()
  virtual int port() const = 0;
  /// From now on /ready says that the server drains. New work is still taken.
  virtual void announce_drain() = 0;
  /// From now on /ready says that the server drains, and new work gets 503 with Retry-After.
  /// Running work goes on.
  virtual void drain() = 0;
  /// Requests to routes that do work (api::Access::work) whose answers have not ended.
  virtual size_t in_flight() const = 0;
  /// Closes the listener and every connection; running streams end with an error event.
  virtual void stop() = 0;
};

}  // namespace weir::http
