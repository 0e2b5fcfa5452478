#pragma once

#include <httplib.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "http/answer/generation_text.h"
#include "http/answer/waiting_notes.h"
#include "http/exchange.h"

namespace weir::http {

/// Runs one generation as server-sent events. A client that leaves, a write that stands still, or
/// the server's stop end it; the generation dies with that and cancels. Used by one thread at a
/// time.
class EventStream {
 public:
  enum class State : uint8_t {
    over,   // all was written
    lost,   // the client is
    waits,  // for its turn: nothing to do until wake()
  };

  EventStream(Exchange& exchange, std::unique_ptr<serve::Generation> generation, AnswerShape shape);

  /// Returns when there is something to say or the request has to wait, so that what fails before
  /// is a plain answer. Errors: the generation's; cancelled (the client left).
  Result<void> begin();
  /// Writes the body, or what there is of it while it waits. REQUIRES: begin() went well, and the
  /// answer's head was sent.
  State run(httplib::Stream& to);
  /// When to run() on. REQUIRES: the state `waits`.
  serve::Wake wake() const;
  /// The answer is over, whether it was run or not.
  void release();

 private:
  using Clock = std::chrono::steady_clock;

  /// What comes within a moment: pieces, or a word to a client that waits.
  Result<void> advance();
  Result<void> gather(std::chrono::milliseconds limit);
  void keep_alive();
  bool looks_at_line() const;
  bool has_something() const;  // for the client, be it the answer's head
  bool can_be_left() const;    // with nothing said yet but comments, and a bell
  bool peer_left(httplib::Stream& to);
  /// What is in out_, and with `last` the body's end.
  bool send(httplib::Stream& to, bool last = false);
  State end(httplib::Stream& to);
  State end_with(httplib::Stream& to, const Error& error);

  Exchange& exchange_;
  std::unique_ptr<serve::Generation> generation_;
  ChunkWriter writer_;
  WaitingNotes notes_;
  std::string out_;               // not sent yet
  std::optional<Error> failure_;  // to be said after it
  bool waits_ = false;            // it has a place in a line worth telling
  bool started_ = false, ended_ = false;
  Clock::time_point written_ = Clock::now(), looked_ = Clock::now();
};

}  // namespace weir::http
