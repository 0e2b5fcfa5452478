#pragma once

#include <httplib.h>

#include <chrono>
#include <memory>
#include <string>

#include "weir/api/call.h"

namespace weir::http {

/// Writes an answer's body as it is made. Ends early when the client leaves or a write stalls. Used
/// by one thread at a time.
class BodyWriter {
 public:
  enum class State : uint8_t {
    over,   // the whole body was written
    lost,   // the client has left
    waits,  // for its turn; nothing to do until wake()
  };

  /// `in_chunks`: in the chunked coding of HTTP/1.1.
  BodyWriter(std::unique_ptr<api::Body> body, bool in_chunks)
      : body_(std::move(body)), in_chunks_(in_chunks) {}

  /// Writes the body, until it ends or waits. REQUIRES: the answer's head was sent.
  State run(httplib::Stream& to);
  /// When to call run() again. REQUIRES: run() returned `waits`.
  const serve::Wake& wake() const { return wake_; }
  /// The body has come to its end. If the end is a failure, the client may not have got it.
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
