#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "http/exchange.h"
#include "http/guarded_stream.h"
#include "http/request_head.h"
#include "weir/base/clock.h"

namespace weir::http {

/// A connection and its state. Used by one thread at a time.
struct Connection {
  Connection(int socket, std::chrono::milliseconds write_timeout) : stream(socket, write_timeout) {}

  enum class HeadState : uint8_t { none, partial, complete, refused, closed };
  /// Takes the part of the next request's header that has come, and skips empty lines before it.
  /// Never blocks. `closed`: the client has closed its side.
  HeadState take_head();
  /// Throws away what has come after the last answer. Never blocks. False: the client has closed
  /// its side too, or too much has come.
  bool discard() { return stream.discard_arrived(); }

  GuardedStream stream;
  std::string peer_ip;
  int peer_port = 0;
  TimePoint due;     // when the next message's first byte, or its whole header, must be there
  RequestHead head;  // of the request that is coming
  bool head_begun = false;           // its first byte has come
  bool over_cap = false;             // above the cap: serves one request, to an open route
  bool close = false;                // the current answer is the last one
  bool leaving = false;              // the last answer is written; the client gets time to read it
  std::optional<WireFault> refused;  // the current request's header was refused
  std::unique_ptr<Exchange> exchange;  // the request being answered; null until its header is read
};

}  // namespace weir::http
