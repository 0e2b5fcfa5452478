#include "http/answer/event_stream.h"

#include <spdlog/spdlog.h>

namespace weir::http {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{150};  // between two looks at the client
constexpr size_t kEnough = 16384;   // bytes to send at once
constexpr int kClientLeft = 499;

}  // namespace

EventStream::EventStream(Exchange& exchange, std::unique_ptr<serve::Generation> generation,
                         AnswerShape shape)
    : exchange_(exchange),
      generation_(std::move(generation)),
      writer_(std::move(shape), generation_->prompts()) {}

Result<void> EventStream::begin() {
  while (out_.empty() && !generation_->done()) {
    if (exchange_.caller.gone())
      return Error{.code = Code::cancelled, .message = "the client left"};
    auto advanced = advance();
    if (advanced) continue;
    if (out_.empty()) return advanced;
    failure_ = advanced.error();  // pieces came before it
    return {};
  }
  return {};
}

bool EventStream::run(httplib::DataSink& sink) {
  if (failure_) return end_with(sink, *failure_);
  if (!send(sink)) return false;
  while (!generation_->done()) {
    if (exchange_.daemon.stopping) {
      return end_with(sink, {.code = Code::unavailable, .message = "the server is shutting down"});
    }
    auto advanced = advance();
    if (peer_left(sink)) return false;
    if (!advanced) return end_with(sink, advanced.error());
    if (!send(sink)) return false;
  }
  writer_.finish(out_, generation_->usage());
  if (!send(sink)) return false;
  ended_ = true;
  sink.done();
  return true;
}

Result<void> EventStream::advance() {
  keep_alive();
  // A note goes out before the wait for what comes next.
  return out_.empty() ? gather() : Result<void>();
}

// Waits for a piece, then takes what else is there: one write for many tokens that came together.
Result<void> EventStream::gather() {
  milliseconds limit = kLook;
  while (!generation_->done() && out_.size() < kEnough) {
    auto next = generation_->next(limit);
    if (!next) return next.error();
    if (!*next) return {};
    if (!started_) writer_.start(out_);
    started_ = true;
    writer_.delta(out_, **next);
    limit = milliseconds{0};
  }
  return {};
}

void EventStream::keep_alive() {
  const auto now = Clock::now();
  if (!started_ && notes_.due(now)) notes_.note(out_, generation_->standing(), now);
  if (out_.empty() && now - written_ >= exchange_.daemon.ping) out_ = ": ping\n\n";
}

bool EventStream::peer_left(httplib::DataSink& sink) {
  auto now = Clock::now();
  if (now - looked_ < kLook) return false;
  looked_ = now;
  return !sink.is_writable();
}

bool EventStream::send(httplib::DataSink& sink) {
  if (out_.empty()) return true;
  bool sent = sink.write(out_.data(), out_.size());
  out_.clear();
  written_ = Clock::now();
  return sent;
}

bool EventStream::end_with(httplib::DataSink& sink, const Error& error) {
  if (error.code == Code::internal) {
    spdlog::error("id={} failed in its stream: {}", exchange_.caller.request_id, error.message);
  }
  exchange_.failure = error.message;
  ended_ = true;
  ChunkWriter::error(out_, error);
  if (!send(sink)) return false;
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
