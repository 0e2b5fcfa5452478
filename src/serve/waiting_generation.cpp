#include "waiting_generation.h"

#include <utility>

namespace weir::serve {
namespace {

using std::chrono::milliseconds;

}  // namespace

WaitingGeneration::WaitingGeneration(Ticket ticket, traffic::Place place, std::vector<Row> rows,
                                     Sampling asked, const Admission& admission, const Clock& clock,
                                     Caller& caller)
    : admission_(admission),
      clock_(clock),
      caller_(caller),
      asked_(std::move(asked)),
      model_(ticket.model_name()) {
  for (const Row& row : rows) prompts_.push_back(row.prompt);
  line_.emplace(std::move(ticket), std::move(place), std::move(rows));
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
  auto through = admission_.wait(line_->ticket, line_->place, limit);
  if (!through || !*through) return through;
  auto admitted = admission_.enqueue(line_->ticket, line_->place, line_->rows, caller_);
  if (!admitted) return admitted.error();
  running_ = std::make_unique<RunningGeneration>(std::move(line_->ticket), *std::move(admitted),
                                                 std::move(line_->rows), asked_, clock_);
  line_.reset();
  return true;
}

Error WaitingGeneration::refuse(Error error) {
  line_->ticket.waited =
      std::chrono::duration_cast<milliseconds>(clock_.now() - line_->ticket.at_gate);
  note_refusal(line_->ticket, error);
  line_.reset();
  error_ = std::move(error);
  return *error_;
}

std::optional<Standing> WaitingGeneration::standing() {
  if (running_) return running_->standing();
  if (!line_) return std::nullopt;
  const traffic::Standing standing = line_->place.standing();
  return Standing{.line = Standing::Line::gate, .place = standing.place, .wait = standing.wait};
}

Usage WaitingGeneration::usage() const { return running_ ? running_->usage() : Usage{}; }

}  // namespace weir::serve
