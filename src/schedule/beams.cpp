#include "schedule/beams.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace weir::schedule {
namespace {

bool holds(std::span<const int32_t> ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

BeamSearch::BeamSearch(const work::Beams& asked, std::vector<int32_t> stop_tokens,
                       uint32_t min_tokens, uint32_t limit, std::span<const int32_t> prompt)
    : asked_(asked),
      stop_tokens_(std::move(stop_tokens)),
      min_tokens_(min_tokens),
      limit_(limit),
      prompt_(prompt.begin(), prompt.end()),
      running_(1) {}

bool BeamSearch::stops(int32_t token) const { return holds(stop_tokens_, token); }

/// So many candidates that as many as there are beams run on, whatever ends.
size_t BeamSearch::kept() const {
  return std::max<size_t>(2, 1 + stop_tokens_.size()) * asked_.beams;
}

uint32_t BeamSearch::wanted() const {
  size_t most = 0;
  for (const Running& beam : running_) most = std::max(most, barred(beam).size());
  return static_cast<uint32_t>(kept() + most);
}

/// Tokens that may not follow.
std::vector<int32_t> BeamSearch::barred(const Running& beam) const {
  std::vector<int32_t> barred;
  if (drawn_ < min_tokens_) barred = stop_tokens_;
  if (asked_.no_repeat_ngram == 0) return barred;
  std::vector<int32_t> text = prompt_;
  text.insert(text.end(), beam.tokens.begin(), beam.tokens.end());
  const size_t known = asked_.no_repeat_ngram - 1;  // of each n-gram
  if (text.size() < known + 1) return barred;
  for (size_t i = 0; i + known < text.size(); ++i)
    if (std::equal(text.end() - static_cast<std::ptrdiff_t>(known), text.end(),
                   text.begin() + static_cast<std::ptrdiff_t>(i)) &&
        !holds(barred, text[i + known]))
      barred.push_back(text[i + known]);
  return barred;
}

std::vector<BeamSearch::Candidate> BeamSearch::candidates(std::span<const Likely> likely) const {
  std::vector<Candidate> all;
  for (uint32_t parent = 0; parent < running_.size(); ++parent) {
    const Running& beam = running_[parent];
    const std::vector<int32_t> never = barred(beam);
    for (const auto& [id, logprob] : likely[parent]) {
      if (holds(never, id)) continue;
      const bool ends = stops(id) || drawn_ + 1 == limit_;
      all.push_back({beam.score + logprob, {parent, id}, ends});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  if (all.size() > kept()) all.resize(kept());
  return all;
}

std::vector<BeamSearch::Step> BeamSearch::advance(std::span<const Likely> likely) {
  const std::vector<Candidate> all = candidates(likely);
  std::vector<Step> steps;
  std::vector<Running> next;
  for (const Candidate& candidate : all) {
    if (candidate.ends || next.size() == asked_.beams) continue;
    Running beam{candidate.score, running_[candidate.step.parent].tokens};
    beam.tokens.push_back(candidate.step.token);
    next.push_back(std::move(beam));
    steps.push_back(candidate.step);
  }
  take_ended(std::span(all).first(std::min<size_t>(all.size(), asked_.beams)));
  ++drawn_;
  running_ = std::move(next);
  const bool enough = full() && asked_.early_stopping == work::Beams::Stopping::early;
  if (running_.empty() || enough || !can_improve()) return {};
  return steps;
}

/// Of the best candidates, as many as there are beams, those that end.
void BeamSearch::take_ended(std::span<const Candidate> best) {
  if (full() && asked_.early_stopping == work::Beams::Stopping::early) return;
  for (const Candidate& candidate : best) {
    if (!candidate.ends) continue;
    const float length = std::pow(static_cast<float>(drawn_ + 1), asked_.length_penalty);
    Ended text{.score = candidate.score / length,
               .tokens = running_[candidate.step.parent].tokens,
               .stopped = stops(candidate.step.token)};
    text.tokens.push_back(candidate.step.token);
    ended_.push_back(std::move(text));
  }
  std::stable_sort(ended_.begin(), ended_.end(),
                   [](const Ended& a, const Ended& b) { return a.score > b.score; });
  if (ended_.size() > asked_.beams) ended_.resize(asked_.beams);
}

/// Could the best that runs become better than the worst that has ended? A guess, as with a length
/// penalty the score of a longer text may be higher.
bool BeamSearch::can_improve() const {
  if (!full()) return true;
  const bool never = asked_.early_stopping == work::Beams::Stopping::never;
  const uint32_t length = never && asked_.length_penalty > 0 ? limit_ : drawn_;
  const float best =
      running_.front().score / std::pow(static_cast<float>(length), asked_.length_penalty);
  return best > ended_.back().score;
}

}  // namespace weir::schedule
