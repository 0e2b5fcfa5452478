// What becomes of a step's outputs: tokens to replies, ends, errors.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "schedule/model_memory.h"
#include "schedule/outlooks.h"
#include "schedule/waiting_room.h"
#include "weir/schedule/scheduler.h"

namespace weir::schedule {
namespace {

Error internal(std::string message) {
  return Error{.code = Code::internal, .message = std::move(message)};
}

/// Does `token`, the last of `known` of the completion, end it?
bool stops(const Sequence& sequence, uint32_t known, int32_t token) {
  const auto& sampling = std::get<work::SamplingParams>(sequence.request.params);
  const auto& stop = sampling.stop_tokens;
  return known > sampling.min_tokens && std::find(stop.begin(), stop.end(), token) != stop.end();
}

std::chrono::microseconds between(TimePoint from, TimePoint to) {
  return std::chrono::duration_cast<std::chrono::microseconds>(to - from);
}

}  // namespace

Result<std::vector<work::Output>> Scheduler::collect(Step& step) {
  auto outputs = runner_.collect();
  now_ = clock_.now();
  step.took =
      std::chrono::duration<double>(now_ - std::max(step.launched, last_collected_)).count();
  last_collected_ = now_;
  const size_t wanted = step.owners.size() + step.drafts + step.scores;
  if (outputs && outputs->size() != wanted)
    return internal("the model gave " + std::to_string(outputs->size()) + " outputs where " +
                    std::to_string(wanted) + " were wanted");
  return outputs;
}

void Scheduler::learn(const Step& step) {
  outlooks_->step({.prompt_work = step.prompt_work,
                   .decodes = step.decodes,
                   .drafts = step.drafts,
                   .came_true = step.came_true},
                  step.took);
  prompt_tokens_ += step.prompt_tokens;
  series_.tokens.observe(step.plan.tokens);
  series_.seconds.observe(step.took);
  series_.drafted.add(step.drafts);
  series_.came_true.add(step.came_true);
}

void Scheduler::settle_rows(Step& step, std::span<work::Output> outputs) {
  for (size_t i = 0; i < step.owners.size(); ++i) {
    const Row& row = step.plan.rows[i];
    Sequence& sequence = *step.owners[i];
    const auto scores = outputs.first(row.scored.size()),
               others = outputs.subspan(scores.size(), 1 + row.drafts);
    if (sequence.state != Sequence::State::ended) settle_scores(row, sequence, scores);
    if (sequence.state != Sequence::State::ended) settle_row(step, row, sequence, others);
    outputs = outputs.subspan(scores.size() + others.size());
  }
}

void Scheduler::settle_scores(const Row& row, Sequence& sequence, std::span<work::Output> outputs) {
  if (outputs.empty()) return;
  work::PromptTokens scored;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (auto* error = std::get_if<Error>(&outputs[i])) return fail_row(sequence, *error);
    auto* token = std::get_if<work::Token>(&outputs[i]);
    if (!token || token->id != row.scored[i])
      return fail(sequence, internal("the model scored another token than it was asked for"));
    scored.tokens.push_back(std::move(*token));
  }
  sequence.scored += static_cast<uint32_t>(scored.tokens.size());
  sequence.request.reply.push(std::move(scored));
}

/// One output after the other, as long as each is what was guessed: the next was computed for it.
void Scheduler::settle_row(Step& step, const Row& row, Sequence& sequence,
                           std::span<work::Output> outputs) {
  const auto tokens = static_cast<uint32_t>(std::max<size_t>(row.tokens.size(), 1));
  uint32_t end = row.first + tokens - row.drafts;
  for (uint32_t i = 0;; ++i, ++end) {
    if (auto* error = std::get_if<Error>(&outputs[i])) return fail_row(sequence, *error);
    if (sequence.state == Sequence::State::running)  // else preempted since: its pages are others'
      memory_->computed(sequence, end);
    const auto* token = std::get_if<work::Token>(&outputs[i]);
    const bool guessed = guesses(step) && token && sequence.drafts.came(i, token->id);
    const bool more = guessed && i < row.drafts;
    settle_output(row, sequence, outputs[i], more);
    if (!more || sequence.state == Sequence::State::ended) return;
    ++sequence.planned;
    ++step.came_true;
    policy_->sampled(sequence);
  }
}

void Scheduler::settle_output(const Row& row, Sequence& sequence, work::Output& output, bool more) {
  if (!row.wants_output) return;
  if (!sequence.first_token) {
    sequence.first_token = now_;
    outlooks_->first_token(now_, sequence);
  }
  if (auto* token = std::get_if<work::Token>(&output); token && sequence.generates())
    return settle_token(sequence, std::move(*token), more);
  const auto* reads = std::get_if<work::Reads>(&sequence.request.params);
  if (auto* readings = std::get_if<work::Readings>(&output);
      readings && reads && readings->heads.size() == reads->size()) {
    sequence.request.reply.push(std::move(*readings));
    return finish(sequence, {});
  }
  fail(sequence, internal("the model gave an output of the wrong kind"));
}

void Scheduler::settle_token(Sequence& sequence, work::Token token, bool more) {
  const int32_t id = token.id;
  if (id < 0) return fail(sequence, internal("the model gave no usable logits"));
  if (sequence.is_beam()) return settle_beam(sequence, std::move(token));
  sequence.tokens.push_back(id);
  const uint32_t known = static_cast<uint32_t>(sequence.tokens.size()) - sequence.prompt_tokens;
  const bool stop = stops(sequence, known, id), ends = stop || known == sequence.limit;
  token.at = now_;
  ++completion_tokens_;
  sequence.request.reply.push(std::move(token), more || ends);
  if (ends)
    finish(sequence, {.reason = stop ? work::FinishReason::stop : work::FinishReason::length,
                      .stop_token = stop});
}

void Scheduler::finish(Sequence& sequence, work::Finish finish) {
  finish.prompt_tokens = sequence.input_tokens();
  finish.generated_tokens = static_cast<uint32_t>(sequence.tokens.size()) - sequence.prompt_tokens;
  finish.prefill = between(*sequence.first_row, *sequence.first_token);
  finish.decode = between(*sequence.first_token, now_);
  sequence.request.reply.finish(finish);
  outlooks_->finished(now_, sequence);
  end(sequence);
}

void Scheduler::fail_row(Sequence& sequence, const Error& error) {
  const Error lost{.code = Code::unavailable,
                   .message = "the device that computes was lost; the server starts anew"};
  const Error& why = runner_.lost() ? lost : error;
  // The prompt of its group may be what is wrong.
  if (sequence.group && sequence.group->first == sequence.id && !sequence.first_token &&
      !sequence.is_beam())
    for (auto& member : running_)
      if (member->group == sequence.group && member->state == Sequence::State::running &&
          member.get() != &sequence)
        fail(*member, why);
  fail(sequence, why);
}

void Scheduler::fail_copies(const Step& step, const Error& error) {
  for (const PageCopy& copy : step.plan.copies)
    for (auto& sequence : running_)
      if (sequence->id == copy.id && sequence->state == Sequence::State::running)
        fail_row(*sequence, error);
}

void Scheduler::answer_all(Sequence& sequence, const Error& error) {
  if (sequence.is_beam())
    for (work::Reply& reply : sequence.group->replies) reply.fail(error);
  sequence.request.fail(error);
}

void Scheduler::fail(Sequence& sequence, Error error) {
  answer_all(sequence, error);
  if (sequence.is_beam()) return end_members(*std::shared_ptr<Group>(sequence.group));
  if (sequence.state == Sequence::State::running) unborn_ -= sequence.unborn;
  end(sequence);
}

void Scheduler::end(Sequence& sequence) {
  const bool waited = sequence.state == Sequence::State::waiting;
  leave_queue(sequence);
  release(sequence);
  sequence.state = Sequence::State::ended;
  any_ended_ = true;
  if (waited) {
    policy_->leave(sequence);
    leaving_.push_back(waiting_->take(sequence));
  } else {
    policy_->stop(sequence);
  }
}

void Scheduler::leave_queue(Sequence& sequence) {
  const work::Request& request = sequence.request;
  if (!sequence.started())
    return queue_.dropped({request.client, request.level, sequence.input_tokens()});
  --started_;
  if (sequence.group && --sequence.group->alive > 0) return;  // the queue counts them as one
  queue_.ended(request.client);
}

void Scheduler::sweep() {
  if (!std::exchange(any_ended_, false) && leaving_.empty()) return;
  std::erase_if(running_, [this](auto& sequence) {
    if (sequence->state != Sequence::State::ended) return false;
    leaving_.push_back(std::move(sequence));
    return true;
  });
  std::erase_if(leaving_, [](const auto& sequence) { return sequence->unsettled_rows == 0; });
}

}  // namespace weir::schedule
