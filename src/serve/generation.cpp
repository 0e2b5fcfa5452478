#include "generation.h"

#include <algorithm>
#include <utility>

namespace weir::serve {
namespace {

using std::chrono::milliseconds;

bool our_fault(Code code) {
  return code == Code::overloaded || code == Code::unavailable || code == Code::internal;
}

}  // namespace

RunningGeneration::RunningGeneration(Ticket ticket, Admitted admitted, std::vector<Row> rows,
                                     const Sampling& asked, const Clock& clock)
    : clock_(clock),
      ticket_(std::move(ticket)),
      account_(std::move(admitted.permit), rows.size()),
      bell_(std::move(admitted.bell)),
      queued_at_(admitted.queued_at),
      running_(rows.size()) {
  const auto stops = std::make_shared<const StopTree>(asked.stop);
  for (size_t i = 0; i < rows.size(); ++i) {
    const Choice::Setup setup{.index = static_cast<uint32_t>(i),
                              .row = rows[i],
                              .text = ticket_.model->loaded.text,
                              .asked = asked,
                              .stops = stops,
                              .queued_at = queued_at_};
    choices_.push_back(std::make_unique<Choice>(setup, std::move(admitted.readers[i])));
    prompts_.push_back(std::move(rows[i].prompt));
  }
}

RunningGeneration::~RunningGeneration() {
  if (ended_) return;
  abandon("abort");
  int64_t input = 0, cached = 0;
  for (size_t i = 0; i < choices_.size(); ++i) {
    if (!choices_[i]->begun()) continue;
    input += static_cast<int64_t>(prompts_[i].size());
    cached += choices_[i]->cached_tokens();
  }
  account_.used(input, completion_tokens(), cached);
  end("abort");
}

void RunningGeneration::abandon(std::string_view finish) {
  const TimePoint now = clock_.now();
  for (auto& choice : choices_) {
    if (choice->end()) continue;
    // What was made before we left is counted, though nobody reads it.
    for (auto delta = choice->poll(now); delta && *delta;) delta = choice->poll(now);
    choice->close();
    observe(*choice, choice->end() ? finish_word(choice->end()->reason) : finish);
  }
}

Result<std::optional<Delta>> RunningGeneration::next(milliseconds limit) {
  if (error_) return *error_;
  if (ended_) return std::optional<Delta>();
  const TimePoint until = clock_.now() + limit;
  for (bool waits = true;;) {
    const TimePoint now = clock_.now();
    if (ticket_.deadline && now >= *ticket_.deadline)
      return fail(deadline_passed(ticket_, completion_tokens()));
    bell_->silence();
    auto delta = look();
    if (!delta || *delta || !waits) return delta;
    TimePoint wake = until;
    if (ticket_.deadline) wake = std::min(wake, *ticket_.deadline);
    if (wake <= now) return std::optional<Delta>();
    waits = bell_->wait(std::chrono::ceil<milliseconds>(wake - now));
  }
}

Result<std::optional<Delta>> RunningGeneration::look() {
  for (size_t i = 0; i < choices_.size(); ++i) {
    const size_t at = (turn_ + i) % choices_.size();
    Choice& choice = *choices_[at];
    if (choice.closed()) continue;
    auto delta = choice.poll(clock_.now());
    if (!delta) return fail(delta.error());
    if (!*delta) continue;
    turn_ = at + 1;
    charge();
    if (choice.end()) {
      last_reason_ = choice.end()->reason;
      observe(choice, finish_word(last_reason_));
      if (--running_ == 0) end(finish_word(last_reason_));
    }
    return delta;
  }
  return std::optional<Delta>();
}

Result<std::optional<Delta>> RunningGeneration::fail(Error error) {
  abandon(finish_word(error.code));
  charge();
  if (our_fault(error.code) && completion_tokens() == 0) account_.refund_all();
  error_ = std::move(error);
  end(finish_word(error_->code));
  return *error_;
}

void RunningGeneration::charge() {
  int64_t input = 0, cached = 0;
  for (size_t i = 0; i < choices_.size(); ++i) {
    if (!choices_[i]->first_token_at() && !choices_[i]->end()) continue;
    input += static_cast<int64_t>(prompts_[i].size());
    cached += choices_[i]->cached_tokens();
  }
  account_.used(input, completion_tokens(), cached);
}

void RunningGeneration::observe(const Choice& choice, std::string_view finish) {
  const RequestSeries& series = ticket_.model->series;
  const Usage usage = choice.usage();
  if (choice.first_token_at())
    series.first_token.observe(seconds_of(*choice.first_token_at() - ticket_.arrival));
  for (double gap : choice.gaps()) series.token_gap.observe(gap);
  series.finished({.reason = finish,
                   .prompt_tokens = usage.prompt_tokens,
                   .cached_tokens = usage.cached_tokens,
                   .generated_tokens = usage.completion_tokens,
                   .max_tokens = choice.max_tokens(),
                   .queue = usage.queue_ms / 1e3,
                   .prefill = usage.prefill_ms / 1e3,
                   .decode = usage.decode_ms / 1e3,
                   .whole = seconds_of(clock_.now() - ticket_.arrival)});
}

void RunningGeneration::end(std::string_view finish) {
  ended_ = true;
  log_end(ticket_, choices_.size(), usage(), finish);
  account_.settle(ticket_, usage(), error_ ? std::optional(error_->code) : std::nullopt);
}

uint32_t RunningGeneration::completion_tokens() const {
  uint32_t tokens = 0;
  for (const auto& choice : choices_) tokens += choice->completion_tokens();
  return tokens;
}

std::optional<Standing> RunningGeneration::standing() {
  const bool begun = std::any_of(choices_.begin(), choices_.end(),
                                 [](const auto& choice) { return choice->begun(); });
  if (ended_ || begun) return std::nullopt;
  size_t tokens = 0;
  for (const auto& prompt : prompts_) tokens += prompt.size();
  // With all that came later: at least what is before this one, and less as the line moves.
  const auto last = ticket_.model->served.queue->forecast_waiting(
      ticket_.key->name, ticket_.priority, tokens, choices_.size());
  const size_t most = last.position + 1;
  place_ = std::min(place_, most);
  return Standing{.line = Standing::Line::queue,
                  .place = place_,
                  .wait = last.wait * static_cast<int64_t>(place_) / static_cast<int64_t>(most)};
}

Usage RunningGeneration::usage() const {
  Usage sum;
  for (const auto& choice : choices_) {
    const Usage one = choice->usage();
    sum.prompt_tokens += one.prompt_tokens;
    sum.completion_tokens += one.completion_tokens;
    sum.cached_tokens += one.cached_tokens;
    sum.queue_ms = std::max(sum.queue_ms, one.queue_ms);
    sum.prefill_ms = std::max(sum.prefill_ms, one.prefill_ms);
    sum.decode_ms = std::max(sum.decode_ms, one.decode_ms);
  }
  return sum;
}

}  // namespace weir::serve
