// How the rows of a step come to be: shares, memory, order.
#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "schedule/model_memory.h"
#include "schedule/prompt_work.h"
#include "weir/schedule/scheduler.h"

namespace weir::schedule {

std::unique_ptr<Scheduler::Step> Scheduler::new_step() {
  if (spare_.empty()) return std::make_unique<Step>();
  auto step = std::move(spare_.back());
  spare_.pop_back();
  return step;
}

void Scheduler::recycle(std::unique_ptr<Step> step) {
  step->plan.rows.clear();
  step->plan.copies.clear();
  step->plan.tokens = 0;
  step->owners.clear();
  step->kept.clear();
  spare_.push_back(std::move(step));
}

uint32_t Scheduler::share(const Sequence& sequence, const Step& step) const {
  const uint32_t left = options_.max_batch_tokens - step.plan.tokens;
  if (sequence.decoding()) return std::min(1u, left);
  const PromptWork cost(step.decodes ? spec_.attention_span : 0);
  const uint32_t room = std::min(cost.within(step.prompt_room, sequence.planned), left);
  if (spec_.prompt == Prompt::chunked || sequence.planned > 0)
    return std::min(sequence.pending(), room);
  return sequence.prompt_tokens <= room ? sequence.prompt_tokens : 0;
}

double Scheduler::work(const Sequence& sequence, uint32_t tokens, const Step& step) const {
  return PromptWork(step.decodes ? spec_.attention_span : 0).of(sequence.planned, tokens);
}

void Scheduler::add_row(Step& step, Sequence& sequence, uint32_t tokens) {
  if (!sequence.decoding()) step.prompt_room -= work(sequence, tokens, step);
  const bool known = sequence.planned < sequence.tokens.size();
  const std::span<const int32_t> all = sequence.tokens;
  const Holdings& held = sequence.holdings;
  const bool wants_output = sequence.planned + tokens == sequence.total();
  step.plan.rows.push_back({
      .id = sequence.id,
      .tokens = known ? all.subspan(sequence.planned, tokens) : std::span<const int32_t>(),
      .first = memory_->runner_position(sequence, sequence.planned),
      .drawn = sequence.completion(),
      .pages = held.pages.pages(),
      .cross_pages = held.cross_pages.pages(),
      .slot = held.slot.id(),
      .params = &sequence.request.params,
      .wants_output = wants_output,
      .cross_tokens = held.cross_pages.size() > 0 ? sequence.prompt_tokens : 0,
  });
  step.owners.push_back(&sequence);
  step.plan.tokens += tokens;
  sequence.planned += tokens;
  ++sequence.unsettled_rows;
  if (wants_output && sequence.generates()) ++sequence.unsettled_outputs;
  policy_->served(sequence, tokens);
  if (sequence.started()) return;
  sequence.first_row = now_;
  sequence.request.reply.start({.cached_tokens = sequence.cached_tokens,
                                .queued = std::chrono::duration_cast<std::chrono::microseconds>(
                                    now_ - sequence.request.arrival)});
  --unstarted_;
  unstarted_tokens_ -= sequence.prompt_tokens;
}

void Scheduler::unplan(const Row& row, Sequence& sequence) {
  --sequence.unsettled_rows;
  if (row.wants_output && sequence.generates()) --sequence.unsettled_outputs;
}

bool Scheduler::make_room(Sequence& sequence, uint32_t end) {
  while (!memory_->grow(sequence, end)) {
    Sequence& last = *running_.back();
    preempt(last);
    if (&last == &sequence) return false;
  }
  return true;
}

void Scheduler::preempt(Sequence& last) {
  release(last);
  last.planned = 0;
  last.state = Sequence::State::waiting;
  ++preempted_;
  waiting_.push_back(std::move(running_.back()));
  running_.pop_back();
  policy_->enter(last);
}

bool Scheduler::admit(Sequence& sequence) {
  if (sequence.unsettled_rows > 0)
    return false;  // preempted just now; its last token is on its way
  // One page for each that runs, so that it is not preempted by the next token.
  if (!memory_->admit(sequence, static_cast<uint32_t>(running_.size()))) return false;
  sequence.tokens.reserve(sequence.prompt_tokens + sequence.limit);  // rows point into it
  if (!sequence.started() && memory_->caches_prefixes()) {
    sequence.cached_tokens = sequence.planned;
    queried_tokens_ += sequence.prompt_tokens;
    hit_tokens_ += sequence.planned;
  }
  enter_running(sequence);
  return true;
}

void Scheduler::enter_running(Sequence& sequence) {
  policy_->leave(sequence);
  sequence.state = Sequence::State::running;
  const auto from = std::find_if(waiting_.begin(), waiting_.end(),
                                 [&](const auto& owned) { return owned.get() == &sequence; });
  auto to = running_.end();
  while (to != running_.begin() && policy_->outranks(sequence, **std::prev(to))) --to;
  running_.insert(to, std::move(*from));
  *from = std::move(waiting_.back());
  waiting_.pop_back();
}

void Scheduler::release(Sequence& sequence) {
  if (sequence.unsettled_rows > 0)
    memory_->release(sequence, in_flight_.back()->kept);
  else
    memory_->release(sequence, dropped_);
  dropped_.clear();
}

}  // namespace weir::schedule
