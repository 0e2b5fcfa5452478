#include "generation.h"

#include <algorithm>
#include <utility>

namespace weir::serve {
namespace {

bool our_fault(Code code) {
  return code == Code::overloaded || code == Code::unavailable || code == Code::internal;
}

}  // namespace

RunningGeneration::RunningGeneration(Ticket ticket, Admitted admitted, std::vector<RequestRow> rows,
                                     const Sampling& asked, const Clock& clock)
    : RunningRequest(std::move(ticket), std::move(admitted), size_of(rows), clock),
      running_(choices_of(rows)) {
  const auto stops = std::make_shared<const StopTree>(asked.stop);
  for (RequestRow& row : rows) {
    for (size_t i = 0; i < row.choices(); ++i) {
      const size_t index = choices_.size();
      const Choice::Setup setup{.index = static_cast<uint32_t>(index),
                                .row = row,
                                .branch = i > 0,
                                .text = ticket_.model->loaded.text,
                                .asked = asked,
                                .stops = stops,
                                .queued_at = queued_at_};
      choices_.push_back(std::make_unique<Choice>(setup, std::move(readers_[index])));
    }
    const size_t copies = row.branches.size();
    prompts_.push_back(prompt_tokens_of(std::move(row.source), std::move(row.prompt)));
    const PromptTokens first = copies > 0 ? prompts_.back() : PromptTokens();
    prompts_.insert(prompts_.end(), copies, first);
  }
}

RunningGeneration::~RunningGeneration() {
  if (done()) return;
  abandon("abort");
  charge([](const Choice& choice) { return choice.begun(); });
  end("abort");
}

void RunningGeneration::abandon(std::string_view finish) {
  const TimePoint now = clock_.now();
  for (auto& choice : choices_) {
    if (choice->end()) continue;
    // Tokens that were made before the end are counted, although nobody reads them.
    for (auto delta = choice->poll(now); delta && *delta;) delta = choice->poll(now);
    choice->close();
    observe(*choice, choice->end() ? finish_word(choice->end()->reason) : finish);
  }
}

Result<std::optional<Delta>> RunningGeneration::look() {
  for (size_t i = 0; i < choices_.size(); ++i) {
    const size_t at = (turn_ + i) % choices_.size();
    Choice& choice = *choices_[at];
    if (choice.closed()) continue;
    auto delta = choice.poll(clock_.now());
    if (!delta) return delta.error();
    if (!*delta) continue;
    turn_ = at + 1;
    charge_answered();
    if (choice.end()) {
      last_reason_ = choice.end()->reason;
      observe(choice, finish_word(last_reason_));
      if (--running_ == 0) end(finish_word(last_reason_));
    }
    return delta;
  }
  return std::optional<Delta>();
}

void RunningGeneration::wait_for_end() {
  for (auto& choice : choices_) choice->wait_for_end();
}

void RunningGeneration::leave(Code code) {
  abandon(finish_word(code));
  charge_answered();
  if (our_fault(code) && completion_tokens() == 0) account_.refund_all();
}

void RunningGeneration::charge(bool (*counts)(const Choice& choice)) {
  int64_t input = 0, cached = 0;
  bool counted = false;  // the prompt of this choice
  for (size_t i = 0; i < choices_.size(); ++i) {
    counted = counted && choices_[i]->is_branch();
    if (counted || !counts(*choices_[i])) continue;
    counted = true;
    input += static_cast<int64_t>(prompts_[i].size());
    cached += choices_[i]->cached_tokens();
  }
  account_.used(input, completion_tokens(), cached);
}

void RunningGeneration::charge_answered() {
  charge([](const Choice& choice) {
    return choice.first_token_at().has_value() || choice.end().has_value();
  });
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
                   .branch = choice.is_branch(),
                   .queue = usage.queue_ms / 1e3,
                   .prefill = usage.prefill_ms / 1e3,
                   .decode = usage.decode_ms / 1e3,
                   .whole = seconds_of(clock_.now() - ticket_.arrival)});
}

uint32_t RunningGeneration::completion_tokens() const {
  uint32_t tokens = 0;
  for (const auto& choice : choices_) tokens += choice->completion_tokens();
  return tokens;
}

bool RunningGeneration::begun() const {
  return std::any_of(choices_.begin(), choices_.end(),
                     [](const auto& choice) { return choice->begun(); });
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
