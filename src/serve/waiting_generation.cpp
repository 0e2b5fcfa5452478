#include "waiting_generation.h"

#include <utility>

namespace weir::serve {
namespace {

using std::chrono::milliseconds;

}  // namespace

WaitingGeneration::WaitingGeneration(GateLine line, Through through, const Admission& admission,
                                     const Clock& clock)
    : admission_(admission),
      clock_(clock),
      through_(std::move(through)),
      model_(line.checked.ticket.model_name()) {
  prompts_ = prompts_of(line.checked);
  line_.emplace(std::move(line));
}

WaitingGeneration::~WaitingGeneration() {
  if (line_) refuse({.code = Code::cancelled, .message = "the client left while it waited"});
}

Result<std::optional<Delta>> WaitingGeneration::next(milliseconds limit) {
  if (error_) return *error_;
  const TimePoint until = clock_.now() + limit;
  if (line_) {
    auto passed = pass(limit);
    if (!passed) return refuse(std::move(passed.error()));
    if (!*passed) return std::optional<Delta>();
  }
  const auto left = std::chrono::ceil<milliseconds>(until - clock_.now());
  return running_->next(std::max(left, milliseconds(0)));
}

Result<bool> WaitingGeneration::pass(milliseconds limit) {
  auto through = admission_.wait(line_->checked.ticket, line_->place, limit);
  if (!through || !*through) return through;
  auto running = through_(*line_);
  if (!running) return running.error();
  running_ = *std::move(running);
  if (waits_for_end_) running_->wait_for_end();
  line_.reset();
  return true;
}

void WaitingGeneration::wait_for_end() {
  waits_for_end_ = true;
  if (running_) running_->wait_for_end();
}

Error WaitingGeneration::refuse(Error error) {
  line_->checked.ticket.waited =
      std::chrono::duration_cast<milliseconds>(clock_.now() - line_->checked.ticket.at_gate);
  note_refusal(line_->checked.ticket, error);
  line_.reset();
  error_ = std::move(error);
  return *error_;
}

std::optional<PlaceInLine> WaitingGeneration::standing() {
  if (running_) return running_->standing();
  if (!line_) return std::nullopt;
  const traffic::Standing standing = line_->place.standing();
  return PlaceInLine{
      .line = PlaceInLine::Which::gate, .place = standing.place, .wait = standing.wait};
}

Usage WaitingGeneration::usage() const { return running_ ? running_->usage() : Usage{}; }

}  // namespace weir::serve
