// Beam searches: their sequences are one, for seats, answers and errors.
#include <algorithm>
#include <utility>

#include "schedule/beams.h"
#include "schedule/model_memory.h"
#include "schedule/outlooks.h"
#include "schedule/waiting_room.h"
#include "weir/schedule/scheduler.h"

namespace weir::schedule {
namespace {

std::shared_ptr<BeamSearch> new_search(const Sequence& sequence) {
  const work::SamplingParams& params = *sequence.sampling();
  return std::make_shared<BeamSearch>(*params.beams, params.stop_tokens, params.min_tokens,
                                      sequence.limit,
                                      std::span(sequence.tokens).first(sequence.prompt_tokens));
}

/// Its next row tells so many of the most likely tokens.
void ask_for_likely(Sequence& sequence) {
  std::get<work::SamplingParams>(sequence.request.params).logprobs =
      sequence.group->search->wanted();
}

/// One of the ids that are kept for the group and that none of these has.
SequenceId free_id(const Group& group, std::span<Sequence* const> members) {
  SequenceId id = group.first;
  while (std::ranges::find(members, id, &Sequence::id) != members.end()) ++id;
  return id;
}

}  // namespace

void Scheduler::begin_search(Sequence& sequence) {
  work::Request& request = sequence.request;
  sequence.group = std::make_shared<Group>(Group{.first = sequence.id, .alive = 1});
  Group& group = *sequence.group;
  group.search = new_search(sequence);
  group.replies.push_back(std::move(request.reply));
  for (work::Branch& branch : request.branches) group.replies.push_back(std::move(branch.reply));
  request.branches.clear();
  group.members = {&sequence};
  ask_for_likely(sequence);
}

void Scheduler::settle_beam(Sequence& sequence, work::Token token) {
  if (!token.logprobs || token.logprobs->top.empty())
    return fail(sequence,
                {.code = Code::internal,
                 .message = "the model told no logprobs to a search that asked for them"});
  sequence.likely = std::move(token.logprobs->top);
  Group& group = *sequence.group;
  if (group.broken) return;
  if (std::ranges::none_of(group.members, [](auto* member) { return member->likely.empty(); }))
    advance(group);
}

/// Each beam goes on in the sequence of the one that it continues; of several that continue one,
/// the others go on in sequences whose own beam ends, or in new ones.
void Scheduler::advance(Group& group) {
  std::vector<BeamSearch::Likely> likely;
  for (Sequence* member : group.members) likely.push_back(std::exchange(member->likely, {}));
  const auto steps = group.search->advance(likely);
  if (steps.empty()) return finish_search(group);
  std::vector<Beam> beams;
  for (const BeamSearch::Step& step : steps) {
    const Sequence& parent = *group.members[step.parent];
    beams.push_back({.parent = &parent, .text = parent.tokens});
    beams.back().text.push_back(step.token);
  }
  group.members.front()->unborn = 0;
  unborn_ += group.members.size();
  unborn_ -= beams.size();
  move_beams(group, beams);
  for (Beam& beam : beams) {
    beam.at->tokens.assign(beam.text.begin(), beam.text.end());
    ask_for_likely(*beam.at);
  }
}

/// Gives each beam its sequence, with what its parent has computed.
void Scheduler::move_beams(Group& group, std::vector<Beam>& beams) {
  std::vector<Sequence*> free = std::exchange(group.members, {});
  for (Beam& beam : beams) {
    const auto own = std::ranges::find(free, beam.parent);
    if (own == free.end()) continue;
    beam.at = *own;
    free.erase(own);
    group.members.push_back(beam.at);
  }
  // The sequence of a beam that is continued stays as it is: what is continued twice can be forked.
  for (Beam& beam : beams) {
    if (beam.at) continue;
    if (free.empty()) {
      beam.at = &add_member(twin_of(*beam.parent, free_id(group, group.members)), *beam.parent);
    } else {
      beam.at = free.back();
      free.pop_back();
      release(*beam.at);
    }
    group.members.push_back(beam.at);
    beam.at->holdings = memory_->fork(*beam.parent, beam.parent->planned);
    beam.at->planned = beam.parent->planned;
    beam.at->shares_page = beam.at->source_read = true;
    beam.at->first_token = beam.parent->first_token;
  }
  for (Sequence* unused : free) end(*unused);
  group.members.clear();
  for (const Beam& beam : beams) group.members.push_back(beam.at);
}

void Scheduler::finish_search(Group& group) {
  const Sequence& any = *group.members.front();
  const auto& ended = group.search->ended();
  for (size_t i = 0; i < group.replies.size(); ++i) {
    work::Reply& reply = group.replies[i];
    if (i >= ended.size()) {
      reply.fail(
          {.code = Code::internal, .message = "the search found fewer texts than asked for"});
      continue;
    }
    for (const int32_t id : ended[i].tokens) reply.push(work::Token{.id = id, .at = now_}, true);
    reply.finish(
        {.reason = ended[i].stopped ? work::FinishReason::stop : work::FinishReason::length,
         .stop_token = ended[i].stopped,
         .prompt_tokens = any.input_tokens(),
         .generated_tokens = static_cast<uint32_t>(ended[i].tokens.size()),
         .prefill = std::chrono::duration_cast<std::chrono::microseconds>(*any.first_token -
                                                                          *any.first_row),
         .decode = std::chrono::duration_cast<std::chrono::microseconds>(now_ - *any.first_token)});
  }
  outlooks_->finished(now_, any);
  end_members(group);
}

void Scheduler::end_members(Group& group) {
  if (!group.members.empty() && group.members.front()->state == Sequence::State::running)
    unborn_ -= seats_kept(group);
  for (Sequence* member : std::exchange(group.members, {})) end(*member);
}

/// What the others have is of no use without it, so the search waits again, with its prompt alone.
/// The others may have rows in this step; they end behind it.
void Scheduler::lose_beam(size_t index) {
  std::unique_ptr<Sequence> lost = std::move(running_[index]);
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
  const std::shared_ptr<Group> group = lost->group;
  if (!group->broken) break_search(*lost);
  std::erase(group->members, lost.get());
  release(*lost);
  policy_->stop(*lost);
  if (lost->started()) --started_;
  lost->state = Sequence::State::ended;
  any_ended_ = true;
  leaving_.push_back(std::move(lost));
}

void Scheduler::break_search(const Sequence& lost) {
  Group& group = *lost.group;
  unborn_ -= seats_kept(group);
  group.broken = true;
  ++group.alive;  // for the queue the new one stands in its place
  broken_.push_back(lost.group);
  series_.preemptions.add();
  auto anew = twin_of(lost, group.first);
  anew->group = std::make_shared<Group>(
      Group{.first = group.first, .alive = 1, .replies = std::move(group.replies)});
  group.replies.clear();
  anew->group->search = new_search(*anew);
  anew->group->members = {anew.get()};
  anew->unborn = anew->sampling()->beams->beams - 1;
  ask_for_likely(*anew);
  if (anew->started()) ++started_;
  policy_->enter(*anew);
  waiting_->add(std::move(anew));
}

void Scheduler::end_broken() {
  for (const auto& group : std::exchange(broken_, {}))
    for (Sequence* member : std::exchange(group->members, {})) end(*member);
  sweep();
}

/// For beams that are not born yet.
size_t Scheduler::seats_kept(const Group& group) {
  return group.members.front()->sampling()->beams->beams - group.members.size();
}

}  // namespace weir::schedule
