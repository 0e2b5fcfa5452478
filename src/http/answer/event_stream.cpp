#include "http/answer/event_stream.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>

namespace weir::http {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{150};  // between two looks at the client
constexpr size_t kEnough = 16384;   // bytes to send at once
constexpr int kClientLeft = 499;

bool write_all(httplib::Stream& to, std::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = to.write(data.data(), data.size());
    if (sent < 0) return false;
    data.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

EventStream::EventStream(Exchange& exchange, std::unique_ptr<serve::Generation> generation,
                         AnswerShape shape)
    : exchange_(exchange),
      generation_(std::move(generation)),
      writer_(std::move(shape), generation_->prompts()) {}

Result<void> EventStream::begin() {
  while (!has_something() && !generation_->done()) {
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

EventStream::State EventStream::run(httplib::Stream& to) {
  if (failure_) return end_with(to, *failure_);
  if (!send(to)) return State::lost;
  while (!generation_->done()) {
    if (exchange_.daemon.stopping) {
      return end_with(to, {.code = Code::unavailable, .message = "the server is shutting down"});
    }
    auto advanced = advance();
    if (peer_left(to)) return State::lost;
    if (!advanced) return end_with(to, advanced.error());
    if (out_.empty() && can_be_left()) return to.is_peer_alive() ? State::waits : State::lost;
    if (!send(to)) return State::lost;
  }
  writer_.finish(out_, generation_->usage());
  return end(to);
}

serve::Wake EventStream::wake() const {
  serve::Wake wake = *generation_->wake();
  const TimePoint ping = written_ + exchange_.daemon.ping;
  const TimePoint look = looks_at_line() ? std::min(notes_.next_look(), ping) : ping;
  wake.until = std::min(wake.until.value_or(look), look);
  return wake;
}

bool EventStream::can_be_left() const {
  return exchange_.head_written && !started_ && !generation_->done() &&
         generation_->wake().has_value();
}

Result<void> EventStream::advance() {
  keep_alive();
  // It goes out before the wait for what comes next.
  return !has_something() ? gather(can_be_left() ? milliseconds{0} : kLook) : Result<void>();
}

// Waits for a piece, then takes what else is there: one write for many tokens that came together.
Result<void> EventStream::gather(milliseconds limit) {
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
  if (looks_at_line() && notes_.due(now)) {
    std::string note;
    notes_.note(note, generation_->standing(), now);
    waits_ |= !note.empty();
    if (exchange_.notes) out_ += note;
  }
  // No empty line behind a comment: clients that take it for the end of an event fail.
  if (out_.empty() && now - written_ >= exchange_.daemon.ping) out_ = ": ping\n";
}

bool EventStream::looks_at_line() const {
  return !started_ && (exchange_.notes || !exchange_.head_written);
}

bool EventStream::has_something() const {
  return !out_.empty() || (waits_ && !exchange_.head_written);
}

bool EventStream::peer_left(httplib::Stream& to) {
  auto now = Clock::now();
  if (now - looked_ < kLook) return false;
  looked_ = now;
  return !to.is_peer_alive();
}

bool EventStream::send(httplib::Stream& to, bool last) {
  if (out_.empty() && !last) return true;
  written_ = Clock::now();
  if (exchange_.http_1_0) {  // knows no chunks
    const bool sent = write_all(to, out_);
    out_.clear();
    return sent;
  }
  std::string chunk;
  if (!out_.empty()) chunk = fmt::format("{:x}\r\n{}\r\n", out_.size(), out_);
  if (last) chunk += "0\r\n\r\n";
  out_.clear();
  return write_all(to, chunk);
}

EventStream::State EventStream::end(httplib::Stream& to) {
  if (!send(to, true)) return State::lost;
  ended_ = true;
  return State::over;
}

EventStream::State EventStream::end_with(httplib::Stream& to, const Error& error) {
  if (error.code == Code::internal) {
    spdlog::error("id={} failed in its stream: {}", exchange_.caller.request_id, error.message);
  }
  exchange_.failure = error.message;
  ChunkWriter::error(out_, error);
  ended_ = true;
  return send(to, true) ? State::over : State::lost;
}

void EventStream::release() {
  if (!ended_) {
    exchange_.status = kClientLeft;
    exchange_.failure = "the client left";
  }
  generation_.reset();
}

}  // namespace weir::http
