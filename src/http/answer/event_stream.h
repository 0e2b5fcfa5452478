#pragma once

#include <httplib.h>

#include <chrono>
#include <memory>
#include <string>

#include "http/answer/generation_text.h"
#include "http/exchange.h"

namespace weir::http {

/// Runs one generation as server-sent events on the connection's thread. A client that leaves, a
/// write that stands still, or the server's stop end it; the generation dies with that and cancels.
class EventStream {
 public:
  EventStream(Exchange& exchange, std::unique_ptr<serve::Generation> generation, AnswerShape shape);

  /// The library's content provider: writes everything; false if the client is lost.
  bool run(httplib::DataSink& sink);
  /// The answer is over, whether it was run or not.
  void release();

 private:
  using Clock = std::chrono::steady_clock;

  Result<void> gather(std::string& out);
  bool peer_left(httplib::DataSink& sink);
  bool send(httplib::DataSink& sink, std::string& out);
  bool end_with(httplib::DataSink& sink, std::string& out, const Error& error);

  Exchange& exchange_;
  std::unique_ptr<serve::Generation> generation_;
  ChunkWriter writer_;
  bool ended_ = false;
  Clock::time_point written_ = Clock::now(), looked_ = Clock::now();
};

}  // namespace weir::http
