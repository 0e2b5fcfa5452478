#include "http/answer/event_stream.h"

#include <spdlog/spdlog.h>

namespace weir::http {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{50};  // between two looks at the client
constexpr std::chrono::seconds kPing{15};
constexpr size_t kEnough = 16384;  // bytes to send at once
constexpr int kClientLeft = 499;

}  // namespace

EventStream::EventStream(Exchange& exchange, std::unique_ptr<serve::Generation> generation,
                         AnswerShape shape)
    : exchange_(exchange),
      generation_(std::move(generation)),
      writer_(std::move(shape), generation_->prompts()) {}

bool EventStream::run(httplib::DataSink& sink) {
  std::string out;
  writer_.start(out);
  if (!send(sink, out)) return false;
  while (!generation_->done()) {
    if (exchange_.daemon.stopping) {
      return end_with(sink, out,
                      {.code = Code::unavailable, .message = "the server is shutting down"});
    }
    auto gathered = gather(out);
    if (peer_left(sink)) return false;
    if (!gathered) return end_with(sink, out, gathered.error());
    if (out.empty() && Clock::now() - written_ >= kPing) out = ": ping\n\n";
    if (!send(sink, out)) return false;
  }
  writer_.finish(out, generation_->usage());
  if (!send(sink, out)) return false;
  ended_ = true;
  sink.done();
  return true;
}

// Waits for a piece, then takes what else is there: one write for many tokens that came together.
Result<void> EventStream::gather(std::string& out) {
  milliseconds limit = kLook;
  while (!generation_->done() && out.size() < kEnough) {
    auto next = generation_->next(limit);
    if (!next) return next.error();
    if (!*next) return {};
    writer_.delta(out, **next);
    limit = milliseconds{0};
  }
  return {};
}

bool EventStream::peer_left(httplib::DataSink& sink) {
  auto now = Clock::now();
  if (now - looked_ < kLook) return false;
  looked_ = now;
  return !sink.is_writable();
}

bool EventStream::send(httplib::DataSink& sink, std::string& out) {
  if (out.empty()) return true;
  bool sent = sink.write(out.data(), out.size());
  out.clear();
  written_ = Clock::now();
  return sent;
}

bool EventStream::end_with(httplib::DataSink& sink, std::string& out, const Error& error) {
  if (error.code == Code::internal) {
    spdlog::error("id={} failed in its stream: {}", exchange_.caller.request_id, error.message);
  }
  exchange_.failure = error.message;
  ended_ = true;
  ChunkWriter::error(out, error);
  if (!send(sink, out)) return false;
  sink.done();
  return true;
}

void EventStream::release() {
  if (!ended_) {
    exchange_.status = kClientLeft;
    exchange_.failure = "the client left";
  }
  generation_.reset();
}

}  // namespace weir::http
