#include "weir/schedule/scheduler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "schedule/checks.h"
#include "schedule/fair_share.h"
#include "schedule/model_memory.h"
#include "schedule/outlooks.h"
#include "schedule/waiting_room.h"
#include "weir/base/error_name.h"

namespace weir::schedule {
namespace {

constexpr auto kLoadEvery = std::chrono::milliseconds(50);
constexpr auto kOutlookEvery = std::chrono::milliseconds(10);
constexpr size_t kLeastLooks = 64;    // at waiting ones whose client may have left, a step
constexpr size_t kStepsOfRound = 16;  // in which all of them are looked at

/// Guesses need tokens that are known when a step is planned, and a memory that takes back what it
/// was told: pages are written over, a slot is not.
bool may_draft(const ModelSpec& spec, int depth) {
  return depth == 0 && spec.generates() && spec.memory.pages && !spec.memory.slot;
}

SchedulerOptions resolve(SchedulerOptions options, const ModelSpec& spec, int depth) {
  if (!may_draft(spec, depth)) options.max_drafts = 0;
  options.max_sequences = std::max(options.max_sequences, 1u);
  options.max_batch_tokens = std::max(options.max_batch_tokens, 1u);
  options.max_chunk_tokens = std::max(options.max_chunk_tokens, 1u);
  options.min_chunk_tokens = std::min(options.min_chunk_tokens, options.max_chunk_tokens);
  options.max_batch_tokens = spec.step_tokens(options.max_batch_tokens);
  if (spec.prompt == Prompt::whole)
    options.max_chunk_tokens = options.min_chunk_tokens = options.max_batch_tokens;
  return options;
}

std::unique_ptr<Policy> policy_or_default(std::unique_ptr<Policy> policy,
                                          const SchedulerOptions& options,
                                          const ServiceOrder& order) {
  if (policy) return policy;
  return std::make_unique<FairSharePolicy>(options, order);
}

uint32_t completion_limit(const ModelSpec& spec, const work::Request& request) {
  const auto* sampling = std::get_if<work::SamplingParams>(&request.params);
  if (!sampling) return 0;
  return std::min(sampling->max_tokens,
                  spec.max_tokens - static_cast<uint32_t>(request.prompt.size()));
}

Error deadline_passed(const Sequence& sequence) {
  const auto& request = sequence.request;
  const auto allowed =
      std::chrono::ceil<std::chrono::milliseconds>(*request.deadline - request.arrival);
  return Error{
      .code = Code::deadline,
      .message = "the request did not start within its " + std::to_string(allowed.count()) + " ms"};
}

}  // namespace

Scheduler::Scheduler(Parts parts, const SchedulerOptions& options, std::unique_ptr<Policy> policy)
    : runner_(parts.runner),
      queue_(parts.queue),
      clock_(parts.clock),
      series_(parts.series),
      spec_(parts.runner.spec()),
      depth_(static_cast<size_t>(parts.runner.depth())),
      options_(resolve(options, spec_, parts.runner.depth())),
      policy_(policy_or_default(std::move(policy), options_, queue_.order())),
      memory_(std::make_unique<ModelMemory>(spec_, options_)),
      waiting_(std::make_unique<WaitingRoom>()),
      outlooks_(std::make_unique<Outlooks>(spec_, options_)) {}

Scheduler::~Scheduler() {
  for (; !in_flight_.empty(); in_flight_.pop_front()) static_cast<void>(runner_.collect());
  const auto abandon = [this](Sequence& sequence) {
    answer_all(sequence, {.code = Code::unavailable, .message = "this model is being stopped"});
    leave_queue(sequence);
  };
  while (!waiting_->empty()) abandon(*waiting_->take(waiting_->look()));
  for (auto& sequence : running_) abandon(*sequence);
}

bool Scheduler::idle() const { return waiting_->empty() && running_.empty() && in_flight_.empty(); }

void Scheduler::step() {
  now_ = clock_.now();
  take_new();
  shed();
  drop_closed();
  seat_the_light();
  auto step = new_step();
  plan_decodes(*step);
  plan_prompts(*step);
  plan_drafts(*step);
  const bool launched = launch(std::move(step));
  while (!in_flight_.empty() && (!launched || in_flight_.size() > depth_)) settle();
  end_broken();
  report();
}

void Scheduler::take_new() {
  for (work::Request& request : queue_.take_all()) take(std::move(request));
}

void Scheduler::take(work::Request request) {
  const auto refuse = [&](size_t tokens) {
    queue_.dropped({request.client, request.level, tokens});
  };
  auto good = check_request(spec_, request);
  if (good) good = check_seats(request);
  if (!good) {
    refuse(request.input_tokens());
    request.fail(good.error());
    return;
  }
  const size_t input = request.input_tokens();
  auto sequence = std::make_unique<Sequence>();
  sequence->id = next_id_;
  next_id_ += seats_of(request);  // the others' follow it
  sequence->limit = completion_limit(spec_, request);
  sequence->prompt_tokens = static_cast<uint32_t>(request.prompt.size());
  sequence->tokens = std::move(request.prompt);
  if (work::is_drawn(request.params) && sequence->limit == 0) {
    refuse(input);
    const work::Finish empty{.reason = work::FinishReason::length,
                             .prompt_tokens = static_cast<uint32_t>(input)};
    for (work::Branch& branch : request.branches) branch.reply.finish(empty);
    request.reply.finish(empty);
    return;
  }
  sequence->request = std::move(request);
  if (auto fits = memory_->check_fits(*sequence); !fits) {
    queue_.dropped({sequence->request.client, sequence->request.level, input});
    sequence->request.fail(fits.error());
    return;
  }
  sequence->unborn = static_cast<uint32_t>(seats_of(sequence->request) - 1);
  if (const auto* sampling = sequence->sampling(); sampling && sampling->beams)
    begin_search(*sequence);
  policy_->enter(*sequence);
  waiting_->add(std::move(sequence));
}

Result<void> Scheduler::check_seats(const work::Request& request) const {
  const size_t wanted = seats_of(request);
  if (wanted <= options_.max_sequences) return {};
  const auto* sampling = std::get_if<work::SamplingParams>(&request.params);
  const bool beams = sampling && sampling->beams;
  return invalid(std::to_string(wanted) + (beams ? " beams" : " completions of one prompt") +
                     " are asked for; this model computes " +
                     std::to_string(options_.max_sequences) + " sequences at a time",
                 beams ? "num_beams" : "n", error_name::kIntegerAboveMax);
}

void Scheduler::shed() {
  for (auto excess = queue_.excess(); excess.requests > 0 || excess.tokens > 0;
       excess = queue_.excess()) {
    Sequence* last = waiting_->first_to_shed();
    if (!last) return;
    fail(*last, Error{.code = Code::overloaded,
                      .message = "the queue of this model is full, and requests of a higher "
                                 "priority took the place of this one"});
  }
}

void Scheduler::drop_closed() {
  const Error left{.code = Code::cancelled, .message = "the client left"};
  for (auto& sequence : running_)
    if (sequence->state == Sequence::State::running && is_left(*sequence)) fail(*sequence, left);
  // Those that wait cost nothing but their place: not all of a long line are looked at in each
  // step.
  const size_t looks = std::max(kLeastLooks, waiting_->size() / kStepsOfRound);
  for (size_t i = std::min(looks, waiting_->size()); i > 0 && !waiting_->empty(); --i)
    if (Sequence& sequence = waiting_->look(); is_left(sequence)) fail(sequence, left);
  while (Sequence* sequence = waiting_->overdue(now_)) fail(*sequence, deadline_passed(*sequence));
  sweep();
}

size_t Scheduler::seats_of(const work::Request& request) {
  const auto* sampling = std::get_if<work::SamplingParams>(&request.params);
  return sampling && sampling->beams ? sampling->beams->beams : request.branches.size() + 1;
}

/// Nobody reads what it draws. If somebody reads one of its branches, it becomes that one.
bool Scheduler::is_left(Sequence& sequence) {
  if (sequence.is_beam()) return std::ranges::all_of(sequence.group->replies, &work::Reply::closed);
  work::Request& request = sequence.request;
  while (request.reply.closed() && !request.branches.empty()) {
    work::Branch next = std::move(request.branches.front());
    request.branches.erase(request.branches.begin());
    request.reply = std::move(next.reply);
    std::get<work::SamplingParams>(request.params).seed = next.seed;
    if (sequence.started()) tell_start(sequence);
    --sequence.unborn;
    if (sequence.state == Sequence::State::running) --unborn_;
  }
  return request.reply.closed();
}

bool Scheduler::launch(std::unique_ptr<Step> step) {
  if (step->plan.rows.empty()) {
    recycle(std::move(step));
    return false;
  }
  step->launched = now_;
  step->plan.copies = memory_->take_copies();
  auto launched = runner_.launch(step->plan);
  if (launched) {
    in_flight_.push_back(std::move(step));
    return true;
  }
  for (size_t i = 0; i < step->owners.size(); ++i) unplan(step->plan.rows[i], *step->owners[i]);
  for (Sequence* sequence : step->owners)
    if (sequence->state != Sequence::State::ended) fail_row(*sequence, launched.error());
  fail_copies(*step, launched.error());
  recycle(std::move(step));
  sweep();
  return false;
}

void Scheduler::settle() {
  auto step = std::move(in_flight_.front());
  in_flight_.pop_front();
  auto outputs = collect(*step);
  for (size_t i = 0; i < step->owners.size(); ++i) unplan(step->plan.rows[i], *step->owners[i]);
  if (outputs) {
    settle_rows(*step, *outputs);
  } else {
    for (Sequence* sequence : step->owners)
      if (sequence->state != Sequence::State::ended) fail_row(*sequence, outputs.error());
    fail_copies(*step, outputs.error());
  }
  learn(*step);
  recycle(std::move(step));
  sweep();
}

Scheduler::Load Scheduler::load() const {
  return {static_cast<uint32_t>(waiting_->size()), static_cast<uint32_t>(running_.size()),
          memory_->usage()};
}

Result<void> Scheduler::audit() const {
  if (auto books = memory_->audit(); !books) return books;
  if (idle() && !memory_->whole())
    return Error{.code = Code::internal, .message = "nothing runs, and memory is still held"};
  return {};
}

void Scheduler::report() {
  publish();
  if (now_ - last_load_ < kLoadEvery && !idle()) return;
  last_load_ = now_;
  const Load now = load();
  series_.waiting.set(now.waiting);
  series_.running.set(now.running);
  series_.kv_usage.set(now.memory_usage);
  memory_usage_ = now.memory_usage;
}

void Scheduler::publish() {
  if (now_ - last_outlook_ < kOutlookEvery && !idle()) return;
  last_outlook_ = now_;
  queue_.set_outlook(outlooks_->now(now_, running_, *policy_));
}

}  // namespace weir::schedule
