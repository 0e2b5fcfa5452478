// How the rows of a step come to be: shares, memory, order.
#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "schedule/model_memory.h"
#include "schedule/outlooks.h"
#include "schedule/prompt_work.h"
#include "schedule/waiting_room.h"
#include "weir/schedule/scheduler.h"

namespace weir::schedule {
namespace {

constexpr uint32_t kTryAgain = 64;  // steps without drafts

/// Of the sequence's next `tokens` those that are the prompt's.
std::span<const uint8_t> types_of(const Sequence& sequence, uint32_t tokens) {
  const std::span<const uint8_t> types = sequence.request.types;
  if (sequence.planned >= types.size()) return {};
  const auto ahead = types.subspan(sequence.planned);
  return ahead.first(std::min<size_t>(ahead.size(), tokens));
}

}  // namespace

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
  step->drafts = step->came_true = step->scores = 0;
  step->prompt_work = 0;
  step->prompt_tokens = 0;
  spare_.push_back(std::move(step));
}

void Scheduler::seat_the_light() {
  if (!spec_.generates()) return;  // what is read is done soon, and nothing of it is cached
  if (waiting_->empty()) return;
  const Sequence* next = next_waiting();
  if (!next || (next->unborn < free_seats() && !memory_wanted_)) return;
  for (size_t i = running_.size(); i-- > 0;)
    if (running_[i]->pending() > 0 && policy_->yields(*running_[i], *next)) return preempt(i);
}

/// In order of rank: who loses its memory has no row yet.
void Scheduler::plan_decodes(Step& step) {
  for (auto& sequence : running_) memory_->pass(*sequence);
  step.decodes = static_cast<uint32_t>(std::count_if(
      running_.begin(), running_.end(), [](const auto& sequence) { return sequence->decoding(); }));
  for (size_t i = 0; i < running_.size() && step.plan.tokens < options_.max_batch_tokens; ++i) {
    Sequence& sequence = *running_[i];
    // The tokens that the draw reads must be here.
    if (sequence.waits_for_output()) continue;
    // A prompt's row comes later; where a prompt has no page for a token, it gets it now.
    if (sequence.pending() == 0 || !make_room(sequence, sequence.planned + 1)) continue;
    if (sequence.decoding()) add_row(step, sequence, 1);
  }
}

void Scheduler::plan_prompts(Step& step) {
  prompts_.clear();
  for (auto& sequence : running_)
    if (!sequence->decoding() && sequence->pending() > 0) prompts_.push_back(sequence.get());
  // Those who wait for memory will not be read in this step.
  const size_t seats = memory_wanted_ ? 0 : free_seats();
  const size_t coming = std::min(waiting_->size(), seats);
  const auto room = [&](bool any_short) {
    return policy_->prompt_room(options_.max_batch_tokens, step.decodes, prompts_.size() + coming,
                                any_short);
  };
  step.prompt_room = room(
      coming > 0 || std::ranges::any_of(prompts_, [](auto* prompt) { return is_short(*prompt); }));
  step.short_room = step.prompt_room - room(false);
  policy_->share(step.prompt_room, prompts_);
  memory_wanted_ = false;
  for (const Shares shares : {Shares::parts, Shares::all}) {
    for (Sequence* sequence : prompts_) allot(*sequence, step, shares);
    admit_waiting(step, shares);
  }
  step.allotted = 0;
  for (Sequence* sequence : prompts_)
    if (const uint32_t tokens = std::exchange(sequence->allotted, 0))
      add_row(step, *sequence, tokens);
  for (Sequence* sequence : prompts_)
    if (!sequence->request.branches.empty() && sequence->planned >= sequence->prompt_tokens)
      fork(*sequence);
  memory_short_ = false;
}

size_t Scheduler::free_seats() const { return options_.max_sequences - running_.size() - unborn_; }

/// The row that ends its prompt is in this step. The others read the prompt's last token again,
/// each to draw behind it; they have rows from the next step on.
void Scheduler::fork(Sequence& sequence) {
  auto branches = std::exchange(sequence.request.branches, {});
  unborn_ -= std::exchange(sequence.unborn, 0);
  sequence.group = std::make_shared<Group>(Group{.first = sequence.id, .alive = 1});
  SequenceId id = sequence.id;
  for (work::Branch& branch : branches) {
    ++id;
    if (!branch.reply.closed()) fork_member(sequence, std::move(branch), id);
  }
}

void Scheduler::fork_member(Sequence& sequence, work::Branch branch, SequenceId id) {
  auto member = twin_of(sequence, id);
  member->request.reply = std::move(branch.reply);
  auto& sampling = std::get<work::SamplingParams>(member->request.params);
  sampling.seed = branch.seed;
  sampling.prompt_logprobs = std::nullopt;  // told with the first
  member->planned = member->prompt_tokens - 1;
  member->holdings = memory_->fork(sequence, member->planned);
  member->shares_page = member->source_read = true;
  tell_start(*member);
  add_member(std::move(member), sequence);
}

/// With the same prompt, and no reply.
std::unique_ptr<Sequence> Scheduler::twin_of(const Sequence& sequence, SequenceId id) const {
  const work::Request& request = sequence.request;
  auto twin = std::make_unique<Sequence>();
  twin->id = id;
  twin->request.id = request.id;
  twin->request.source = request.source;
  twin->request.params = request.params;
  twin->request.client = request.client;
  twin->request.cache_scope = request.cache_scope;
  twin->request.weight = request.weight;
  twin->request.priority = request.priority;
  twin->request.level = request.level;
  twin->request.arrival = request.arrival;
  twin->request.deadline = request.deadline;
  twin->prompt_tokens = sequence.prompt_tokens;
  twin->limit = sequence.limit;
  twin->tokens.reserve(twin->prompt_tokens + twin->limit);  // rows point into it
  const auto prompt = std::span(sequence.tokens).first(sequence.prompt_tokens);
  twin->tokens.assign(prompt.begin(), prompt.end());
  twin->first_row = sequence.first_row;
  twin->group = sequence.group;
  twin->share = sequence.share;
  twin->charged = true;
  return twin;
}

/// It runs from now on, beside `of`.
Sequence& Scheduler::add_member(std::unique_ptr<Sequence> member, const Sequence& of) {
  ++of.group->alive;
  ++started_;
  policy_->enter(*member);
  policy_->admit(*member);
  member->state = Sequence::State::running;
  Sequence& added = *member;
  insert_running(std::move(member));
  return added;
}

// Beside a prompt arithmetic is what a step waits for: a draft would cost as much as a token.
bool Scheduler::guesses(const Step& step) const {
  return options_.max_drafts > 0 && step.prompt_work == 0;
}

void Scheduler::plan_drafts(Step& step) {
  if (!guesses(step)) return;
  double cost = outlooks_->draft_cost(static_cast<uint32_t>(step.plan.rows.size()));
  if (++undrafted_ > kTryAgain) cost /= 2;  // what it was learned from may be long ago
  // Each its part of the room, and what others leave; they take turns to be first. Longer steps
  // would win little more, and whoever comes would wait for them.
  const auto rows = static_cast<uint32_t>(step.owners.size());
  uint32_t left = options_.max_drafts;
  for (uint32_t i = 0; i < rows; ++i) {
    const uint32_t part = (left + rows - i - 1) / (rows - i);
    left -= add_drafts(step, (first_drafted_ + i) % rows, cost, part);
  }
  if (step.drafts == 0) return;
  undrafted_ = 0;
  ++first_drafted_;
}

uint32_t Scheduler::add_drafts(Step& step, size_t index, double cost, uint32_t most) {
  Row& row = step.plan.rows[index];
  Sequence& sequence = *step.owners[index];
  if (sequence.is_beam()) return 0;  // its tokens are not the ones that are drawn
  most = std::min(
      {most, sequence.limit - sequence.completion(), options_.max_batch_tokens - step.plan.tokens});
  const uint32_t count = sequence.drafts.guess(sequence.tokens, cost, most);
  if (count == 0 || !memory_->grow(sequence, sequence.planned + count)) return 0;
  row.tokens = sequence.drafts.tokens();
  row.pages = sequence.holdings.pages.pages();
  row.drafts = count;
  step.plan.tokens += count;
  step.drafts += count;
  return count;
}

void Scheduler::admit_waiting(Step& step, Shares shares) {
  if (memory_short_) return;  // what was taken from some is not for those behind them
  while (free_seats() > 0) {
    Sequence* sequence = next_waiting();
    if (!sequence || sequence->unborn >= free_seats()) return;
    if (share(*sequence, step, shares) == 0 || !admit(*sequence)) return;
    prompts_.push_back(sequence);
    allot(*sequence, step, shares);
  }
}

/// Where nobody decodes, nobody waits for the step.
PromptWork Scheduler::prompt_cost(const Step& step) const {
  return step.decodes > 0 ? prompt_work_of(spec_) : PromptWork(0);
}

double Scheduler::room(const Sequence& sequence, const Step& step, Shares shares) const {
  const double left = step.prompt_room - (is_short(sequence) ? 0 : step.short_room);
  return shares == Shares::all ? left : std::min(left, policy_->part(sequence));
}

uint32_t Scheduler::share(const Sequence& sequence, const Step& step, Shares shares) const {
  const uint32_t left = options_.max_batch_tokens - step.plan.tokens - step.allotted;
  if (sequence.decoding()) return sequence.allotted > 0 ? 0 : std::min(1u, left);
  const uint32_t from = sequence.planned + sequence.allotted;
  const PromptWork cost = prompt_cost(step);
  const double work = room(sequence, step, shares);
  if (const uint32_t source = sequence.source_ahead()) {
    // A source is not cut: one that is longer than the room is read where no other prompt is.
    const double rest = work - cost.of_source(source);
    const bool alone = work > 0 && shares == Shares::all && step.allotted == 0;
    if (source >= left || (rest <= 0 && !alone)) return 0;
    return std::min({sequence.pending(), std::max(cost.within(rest, 0), 1U), left - source});
  }
  // One token at least of one prompt at least, however dear, or it would never come to its end.
  const bool must = work > 0 && (shares == Shares::parts || step.allotted == 0);
  const uint32_t most = std::min(std::max(cost.within(work, from), must ? 1u : 0u), left);
  if (spec_.prompt == Prompt::chunked || sequence.planned > 0)
    return std::min(sequence.pending() - sequence.allotted, most);
  // A whole prompt is no client's part of a step: the policy's order alone shares those out.
  if (shares == Shares::parts || sequence.allotted > 0) return 0;
  return sequence.prompt_tokens <= most ? sequence.prompt_tokens : 0;
}

void Scheduler::allot(Sequence& sequence, Step& step, Shares shares) {
  const uint32_t from = sequence.planned + sequence.allotted;
  const uint32_t tokens = memory_->grow_within(sequence, from, share(sequence, step, shares));
  if (tokens == 0) return;
  if (!sequence.decoding()) {
    const PromptWork cost = prompt_cost(step);
    const double work = cost.of_source(sequence.source_ahead()) + cost.of(from, tokens);
    step.prompt_room -= work;
    if (is_short(sequence)) step.short_room = std::max(0.0, step.short_room - work);
    policy_->took(sequence, work);
  }
  step.allotted += sequence.source_ahead() + tokens;
  sequence.allotted += tokens;
}

void Scheduler::add_row(Step& step, Sequence& sequence, uint32_t tokens) {
  const uint32_t source = sequence.source_ahead();
  if (!sequence.decoding()) {
    const PromptWork cost = prompt_work_of(spec_);
    step.prompt_work += cost.of_source(source) + cost.of(sequence.planned, tokens);
    step.prompt_tokens += source + tokens;
  }
  const bool known = sequence.planned < sequence.tokens.size();
  const std::span<const int32_t> all = sequence.tokens;
  const Holdings& held = sequence.holdings;
  const bool wants_output = sequence.planned + tokens == sequence.total();
  step.plan.rows.push_back({
      .id = sequence.id,
      .tokens = known ? all.subspan(sequence.planned, tokens) : std::span<const int32_t>(),
      .first = sequence.planned,
      .drawn = sequence.completion(),
      .pages = held.pages.pages(),
      .source_pages = held.source_pages.pages(),
      .slot = held.slot.id(),
      .params = &sequence.request.params,
      .wants_output = wants_output,
      .text = sequence.reads_history() ? all : std::span<const int32_t>(),
      .prompt_tokens = sequence.prompt_tokens,
      .types = types_of(sequence, tokens),
      .source = std::span<const int32_t>(sequence.request.source).first(source),
      .source_tokens = sequence.source_tokens(),
  });
  if (sequence.unscored() > 0) {
    score(sequence, step.plan.rows.back());
    step.scores += static_cast<uint32_t>(step.plan.rows.back().scored.size());
  }
  step.owners.push_back(&sequence);
  step.plan.tokens += source + tokens;
  sequence.planned += tokens;
  ++sequence.unsettled_rows;
  if (wants_output && sequence.generates()) ++sequence.unsettled_outputs;
  if (wants_output && sequence.generates()) policy_->sampled(sequence);
  if (!sequence.started()) begin(sequence);
}

/// What the logits of position p say is of the token at p + 1.
void Scheduler::score(const Sequence& sequence, Row& row) {
  const uint32_t begin = std::max(row.first, sequence.scored),
                 end = std::min(row.first + static_cast<uint32_t>(row.tokens.size()),
                                sequence.prompt_tokens - 1);
  if (begin >= end) return;
  row.score_from = begin - row.first;
  row.scored = std::span<const int32_t>(sequence.tokens).subspan(begin + 1, end - begin);
}

void Scheduler::begin(Sequence& sequence) {
  sequence.first_row = now_;
  tell_start(sequence);
  outlooks_->started(now_, sequence);
  ++started_;  // before the queue forgets it: see started()
  queue_.started({sequence.request.client, sequence.request.level, sequence.input_tokens()});
}

void Scheduler::tell_start(Sequence& sequence) const {
  const work::Started started{.cached_tokens = sequence.cached_tokens,
                              .queued = std::chrono::duration_cast<std::chrono::microseconds>(
                                  *sequence.first_row - sequence.request.arrival)};
  sequence.request.reply.start(started);
  if (!sequence.is_beam()) return;
  for (work::Reply& reply : sequence.group->replies) reply.start(started);
}

void Scheduler::unplan(const Row& row, Sequence& sequence) {
  --sequence.unsettled_rows;
  if (row.wants_output && sequence.generates()) --sequence.unsettled_outputs;
}

bool Scheduler::make_room(Sequence& sequence, uint32_t end) {
  while (!memory_->grow(sequence, end)) {
    const bool itself = running_.back().get() == &sequence;
    memory_short_ = true;
    preempt(running_.size() - 1);
    if (itself) return false;
  }
  return true;
}

void Scheduler::preempt(size_t index) {
  Sequence& sequence = *running_[index];
  if (sequence.is_beam()) return lose_beam(index);
  unborn_ -= sequence.unborn;
  release(sequence);
  sequence.planned = 0;
  sequence.state = Sequence::State::waiting;
  series_.preemptions.add();
  policy_->stop(sequence);
  policy_->enter(sequence);
  waiting_->add(std::move(running_[index]));
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
}

Sequence* Scheduler::next_waiting() {
  Sequence* next = policy_->next();
  for (; next && is_left(*next); next = policy_->next())
    fail(*next, Error{.code = Code::cancelled, .message = "the client left"});
  return next;
}

bool Scheduler::admit(Sequence& sequence) {
  if (sequence.unsettled_rows > 0)
    return false;  // preempted just now; its last token is on its way
  // One page for each that runs, so that it is not preempted by the next token, or what its prompt
  // will take.
  uint32_t reserve = running_.empty() ? 0 : sequence.unborn;
  for (const auto& other : running_) reserve += std::max(1U, memory_->owed(*other)) + other->unborn;
  memory_wanted_ = !memory_->admit(sequence, reserve);
  if (memory_wanted_) return false;
  sequence.tokens.reserve(sequence.prompt_tokens + sequence.limit);  // rows point into it
  if (!sequence.started() && memory_->caches_prefixes()) {
    sequence.cached_tokens = sequence.planned;
    series_.prefix_queried.add(sequence.prompt_tokens);
    series_.prefix_hit.add(sequence.planned);
  }
  enter_running(sequence);
  return true;
}

void Scheduler::enter_running(Sequence& sequence) {
  policy_->admit(sequence);
  sequence.state = Sequence::State::running;
  unborn_ += sequence.unborn;
  insert_running(waiting_->take(sequence));
}

void Scheduler::insert_running(std::unique_ptr<Sequence> sequence) {
  auto to = running_.end();
  while (to != running_.begin() && policy_->outranks(*sequence, **std::prev(to))) --to;
  running_.insert(to, std::move(sequence));
}

void Scheduler::release(Sequence& sequence) {
  if (sequence.unsettled_rows > 0)
    memory_->release(sequence, in_flight_.back()->kept);
  else
    memory_->release(sequence, dropped_);
  dropped_.clear();
}

}  // namespace weir::schedule
