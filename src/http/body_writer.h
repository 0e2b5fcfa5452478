#pragma once

#include <httplib.h>

#include <chrono>
#include <memory>
#include <string>

#include "weir/api/call.h"

namespace weir::http {

/// Writes an answer's body as it is made. A client that leaves and a write that stands still end
/// it. Used by one thread at a time.
class BodyWriter {
 public:
  enum class State : uint8_t {
    over,   // all was written
    lost,   // the client is
    waits,  // for its turn: nothing to do until wake()
  };

  /// `in_chunks`: framed as HTTP/1.1 has it.
  BodyWriter(std::unique_ptr<api::Body> body, bool in_chunks)
      : body_(std::move(body)), in_chunks_(in_chunks) {}

  /// Writes the body, or what there is of it while it waits. REQUIRES: the answer's head was sent.
  State run(httplib::Stream& to);
  /// When to run() on. REQUIRES: the state `waits`.
  const serve::Wake& wake() const { return wake_; }
  /// The body has said its last, though the client may not have got it where it is a failure.
  bool ended() const { return ended_; }
  const std::string& failure() const { return failure_; }

 private:
  bool peer_left(httplib::Stream& to);
  bool send(httplib::Stream& to, const api::Body::Piece& piece) const;

  std::unique_ptr<api::Body> body_;
  const bool in_chunks_;
  serve::Wake wake_;
  bool ended_ = false;
  std::string failure_;
  std::chrono::steady_clock::time_point looked_ = std::chrono::steady_clock::now();
};

}  // namespace weir::http
