#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "weir/api/api.h"
#include "weir/api/call.h"
#include "weir/api/route.h"

namespace weir::http {

class BodyWriter;

/// The state of the server that all requests share.
struct ServerState {
  api::Api api;
  std::atomic<bool> draining = false;
  std::atomic<size_t> in_flight = 0;
};

/// One request and its answer. Used by one thread at a time; lives until the answer is written.
struct Exchange {
  Exchange(ServerState& state, int socket);
  ~Exchange();

  ServerState& state;
  int socket;
  const api::Route* route = nullptr;
  api::Call call;
  std::string peer;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  bool http_1_0 = false;  // the client knows no chunks
  bool counted = false;   // in state.in_flight
  /// The body, if it is written piece by piece. That begins when the library has written the head.
  std::unique_ptr<BodyWriter> body;
  bool head_written = false;  // of an answer with such a body

  // For metrics and the log.
  int status = 0;
  std::string failure;
  bool client_left = false;  // no client is there to read the answer

  bool gone() const;
  /// Remembers for the log why the request gets no answer.
  void refused(const Error& error);
  /// Lets go of the request's line in the log, which took `spent`.
  void write_line(std::chrono::duration<double> spent);
  /// Ends the answer, whether its body was written or not.
  void end_body();
};

}  // namespace weir::http
