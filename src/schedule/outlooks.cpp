#include "schedule/outlooks.h"

#include <algorithm>
#include <chrono>

#include "schedule/prompt_work.h"

namespace weir::schedule {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void Outlooks::step(const StepWork& work, double took) {
  pace_.step(work.prompt_work, work.decodes + work.drafts, took);
  if (work.decodes == 0) return;
  const double tokens = work.decodes + work.came_true;
  tokens_a_decode_.add(tokens / work.decodes);
  tokens_a_row_.add(tokens / (work.decodes + work.drafts));
}

double Outlooks::draft_cost(uint32_t decodes) const {
  constexpr double kLeast = 0.05;  // sampling and memory, where the step's time does not show it
  const double step = pace_.seconds(0, decodes);
  const double row = step > 0 ? pace_.seconds(0, decodes + 1) - step : 0;
  return step > 0 ? std::clamp(decodes * row / step, kLeast, 1.0) : kLeast;
}

/// Who comes later and goes first is not foreseen, but does much the same at any time.
void Outlooks::started(TimePoint now, const Sequence& sequence) {
  constexpr auto kLong = std::chrono::milliseconds(500);
  if (sequence.request.foretold < kLong) return;
  const double ratio = seconds(now - sequence.request.arrival) / seconds(sequence.request.foretold);
  lateness_.add(std::clamp(ratio, 0.5, 2.0));
}

void Outlooks::first_token(TimePoint now, const Sequence& sequence) {
  first_tokens_.add(now, seconds(now - sequence.request.arrival));
}

void Outlooks::finished(TimePoint now, const Sequence& sequence) {
  seat_seconds_.add(seconds(now - *sequence.first_row));
  if (sequence.generates()) used_.add(static_cast<double>(sequence.completion()) / sequence.limit);
}

/// Tokens of its completion that are still to come, if it ends where others did.
double Outlooks::rows_left(const Sequence& sequence) const {
  if (!sequence.generates()) return 1;
  const double expected = used_.value_or(1) * sequence.limit;
  return std::max(1.0, expected - sequence.completion());
}

work::Outlook Outlooks::now(TimePoint now, std::span<const std::unique_ptr<Sequence>> running,
                            const Policy& policy) {
  work::Outlook outlook;
  outlook.seats = options_.max_sequences;
  outlook.taken = static_cast<uint32_t>(running.size());
  outlook.first_token_p99_s = first_tokens_.p99(now);
  outlook.step_seconds = pace_.step_seconds() / tokens_a_decode_.value_or(1);
  outlook.lateness = lateness_.value_or(1);
  const auto rate = [&](double tokens, double took) { return took > 0 ? tokens / took : 0; };
  const double budget = options_.max_batch_tokens;
  outlook.prefill_tokens_per_s = rate(budget, pace_.seconds(budget, 0));
  outlook.decode_tokens_per_s =
      tokens_a_row_.value_or(1) * rate(pace_.rows(), pace_.seconds(0, pace_.rows()));
  const auto decodes = static_cast<uint32_t>(
      std::count_if(running.begin(), running.end(), [](const auto& s) { return s->decoding(); }));
  // Who comes next may be short.
  const bool any_short = std::none_of(running.begin(), running.end(), [](const auto& s) {
    return !s->decoding() && !is_short(*s);
  });
  const double room =
      policy.prompt_room(options_.max_batch_tokens, decodes, running.size() - decodes, any_short);
  outlook.prompt_tokens_per_s = rate(room, pace_.seconds(room, decodes));
  const PromptWork cost = prompt_work_of(spec_);
  // Those that end first after a rush are the short ones: who still runs has a say as well.
  double seats = seat_seconds_.value_or(0) * seat_seconds_.weight(),
         weight = seat_seconds_.weight();
  for (const auto& sequence : running) {
    if (!sequence->decoding())
      outlook.prompt_tokens_left += cost.of(sequence->planned, sequence->pending());
    const double prompt = outlook.prompt_tokens_per_s > 0 && !sequence->decoding()
                              ? outlook.prompt_tokens_left / outlook.prompt_tokens_per_s
                              : 0;
    outlook.free_in.push_back(prompt + rows_left(*sequence) * outlook.step_seconds);
    seats += outlook.free_in.back() + seconds(now - sequence->first_row.value_or(now));
    ++weight;
  }
  outlook.seat_seconds = weight > 0 ? seats / weight : 0;
  std::sort(outlook.free_in.begin(), outlook.free_in.end());
  return outlook;
}

}  // namespace weir::schedule
