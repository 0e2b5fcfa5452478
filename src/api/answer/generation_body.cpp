#include "api/answer/generation_body.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace weir::api {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{150};  // between two looks at the client
constexpr size_t kEnough = 16384;   // bytes of one piece

}  // namespace

GenerationBody::GenerationBody(const Call& call, const Api& api,
                               std::unique_ptr<serve::Generation> generation,
                               std::unique_ptr<StreamForm> form)
    : call_(call), api_(api), generation_(std::move(generation)), form_(std::move(form)) {}

Result<void> GenerationBody::begin() {
  while (true) {
    auto advanced = advance(kLook);
    if (!advanced && out_.empty()) return advanced;
    if (!advanced) failure_ = advanced.error();  // after the pieces in out_
    if (failure_ || has_something() || generation_->done()) return {};
    if (call_.caller.gone()) return Error{.code = Code::cancelled, .message = "the client left"};
  }
}

Body::Piece GenerationBody::next(milliseconds limit) {
  head_sent_ = true;
  if (failure_) return end_with(*failure_);
  if (!out_.empty()) return said();
  if (generation_->done()) {
    form_->finish(out_, generation_->usage());
    Piece end = said();
    end.last = true;
    return end;
  }
  if (api_.stops)
    return end_with({.code = Code::unavailable, .message = "the server is shutting down"});
  auto advanced = advance(limit);
  return advanced ? said() : end_with(advanced.error());
}

std::optional<serve::Wake> GenerationBody::wake() const {
  if (!can_be_left()) return std::nullopt;
  auto wake = generation_->wake();
  if (!wake) return std::nullopt;
  const TimePoint ping = written_ + api_.options.ping;
  const TimePoint look = looks_at_line() ? std::min(notes_.next_look(), ping) : ping;
  wake->until = std::min(wake->until.value_or(look), look);
  return wake;
}

bool GenerationBody::can_be_left() const {
  return head_sent_ && !started_ && !generation_->done() && generation_->wake().has_value();
}

Result<void> GenerationBody::advance(milliseconds limit) {
  keep_alive();
  // What is there goes out before the wait for what comes next.
  return !has_something() ? gather(can_be_left() ? milliseconds{0} : limit) : Result<void>();
}

// Waits for a piece, then takes all others that are there. So tokens that came together go out in
// one write.
Result<void> GenerationBody::gather(milliseconds limit) {
  while (!generation_->done() && out_.size() < kEnough) {
    auto next = generation_->next(limit);
    if (!next) return next.error();
    if (!*next) return {};
    if (!started_) form_->start(out_);
    started_ = true;
    form_->delta(out_, **next);
    limit = milliseconds{0};
  }
  return {};
}

void GenerationBody::keep_alive() {
  const auto now = std::chrono::steady_clock::now();
  if (looks_at_line() && notes_.due(now)) {
    const std::string note = notes_.note(generation_->standing(), now);
    waits_ |= !note.empty();
    if (call_.tell_waiting && !note.empty()) form_->comment(out_, note);
  }
  if (out_.empty() && now - written_ >= api_.options.ping) form_->comment(out_, "ping");
}

bool GenerationBody::looks_at_line() const {
  return !started_ && (call_.tell_waiting || !head_sent_);
}

bool GenerationBody::has_something() const { return !out_.empty() || (waits_ && !head_sent_); }

Body::Piece GenerationBody::said() {
  if (!out_.empty()) written_ = std::chrono::steady_clock::now();
  return {.text = std::exchange(out_, {})};
}

Body::Piece GenerationBody::end_with(const Error& error) {
  if (error.code == Code::internal) {
    spdlog::error("id={} failed in its stream: {}", call_.caller.request_id, error.message);
  }
  form_->error(out_, error);
  return {.text = std::exchange(out_, {}), .last = true, .failure = error.message};
}

}  // namespace weir::api
