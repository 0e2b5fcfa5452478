#pragma once

#include <httplib.h>

#include <string>
#include <vector>

#include "http/answer_series.h"
#include "http/browser_guard.h"
#include "http/exchange.h"
#include "http/guarded_server.h"
#include "weir/http/server.h"

namespace weir::http {

/// The checks between the guard and the routes, in the order in which a request passes them:
/// framing, host and origin, route, load, media type, size, key, weir's own headers. Thread-safe.
class Front {
 public:
  Front(const ServerOptions& options, ServerState& state);

  /// Sets the handlers of `server`, which calls them until it is shut down. The Front outlives it.
  void install(GuardedServer& server);
  /// Ends a request's bookkeeping: metrics, log line, count.
  void finished(Connection& connection);

 private:
  using Request = httplib::Request;
  using Response = httplib::Response;

  Result<void> admit(const Request& request, Connection& connection, Response& response);
  Result<void> find_route(const Request& request, Exchange& exchange, Response& response);
  Result<void> check_load(const Connection& connection) const;
  Result<void> check_body(const Request& request) const;
  Result<void> identify(const Request& request, Exchange& exchange);
  bool answer_preflight(const Request& request, Response& response) const;
  /// Answers "OPTIONS *", which asks about the server, not about a route (RFC 9110 9.3.7).
  bool answer_server_options(const Request& request, Response& response) const;
  void set_cors(const Request& request, Response& response) const;

  Result<void> read_body(const Request& request, Connection& connection,
                         const httplib::ContentReader& reader) const;
  void handle(Exchange& exchange, Response& response);
  static void say(api::Said said, Exchange& exchange, Response& response);
  void refuse(Exchange& exchange, Error error, Response& response) const;
  /// Answers a request whose bytes are wrong. The connection ends after the answer.
  void refuse_bytes(Connection& connection, const WireFault& fault, Response& response) const;
  void complete_error(const Request& request, Connection& connection, Response& response) const;
  void complete_headers(const Request& request, Connection& connection, Response& response) const;

  const ServerOptions& options_;
  ServerState& state_;
  AnswerSeries series_;
  const BrowserGuard browser_guard_;
};

}  // namespace weir::http
