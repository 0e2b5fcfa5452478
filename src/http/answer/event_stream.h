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

/// Runs one generation as server-sent events on the connection's thread. A client that leaves, a
/// write that stands still, or the server's stop end it; the generation dies with that and cancels.
class EventStream {
 public:
  EventStream(Exchange& exchange, std::unique_ptr<serve::Generation> generation, AnswerShape shape);

  /// Returns when there is something to say, so that what fails before is a plain answer. Errors:
  /// the generation's; cancelled (the client left).
  Result<void> begin();
  /// The library's content provider: writes everything; false if the client is lost. REQUIRES:
  /// begin() went well.
  bool run(httplib::DataSink& sink);
  /// The answer is over, whether it was run or not.
  void release();

 private:
  using Clock = std::chrono::steady_clock;

  /// What comes within a moment: pieces, or a word to a client that waits.
  Result<void> advance();
  Result<void> gather();
  void keep_alive();
  bool peer_left(httplib::DataSink& sink);
  bool send(httplib::DataSink& sink);
  bool end_with(httplib::DataSink& sink, const Error& error);

  Exchange& exchange_;
  std::unique_ptr<serve::Generation> generation_;
  ChunkWriter writer_;
  WaitingNotes notes_;
  std::string out_;               // not sent yet
  std::optional<Error> failure_;  // to be said after it
  bool started_ = false, ended_ = false;
  Clock::time_point written_ = Clock::now(), looked_ = Clock::now();
};

}  // namespace weir::http
