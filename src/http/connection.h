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

/// A connection and where it stands. Used by one thread at a time.
struct Connection {
  Connection(int socket, std::chrono::milliseconds write_timeout) : stream(socket, write_timeout) {}

  enum class Head : uint8_t { none, partial, complete, refused, closed };
  /// Takes what has come of the next request's header, and skips empty lines before it. Never
  /// blocks. `closed`: the client has closed its side.
  Head take_head();
  /// Throws away what has come behind the last answer. Never blocks. False: the client has closed
  /// its side too, or more came than it may.
  bool discard() { return stream.discard_arrived(); }

  GuardedStream stream;
  std::string peer_ip;
  int peer_port = 0;
  TimePoint due;                       // the first byte of the next message, or its whole header
  RequestHead head;                    // of the request that is coming
  bool head_begun = false;             // its first byte has come
  bool over_cap = false;               // serves only what must always be answerable, once
  bool close = false;                  // the current answer is the last
  bool leaving = false;                // it was, and the client is given time to read it
  std::optional<WireFault> refused;    // the header of the current request was, and is not read
  std::unique_ptr<Exchange> exchange;  // the request being answered; null until its header was read
};

}  // namespace weir::http
