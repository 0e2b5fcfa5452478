#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "weir/work/output.h"
#include "weir/work/request.h"

namespace weir::schedule {

/// The bookkeeping of one beam search, as GenerationMixin._beam_search of Hugging Face's
/// transformers 5 does it with do_sample off. The score of a text is the sum of its tokens'
/// logprobs, in float32; that of one that has ended is divided by (tokens ^ length_penalty). Knows
/// no memory and no model.
class BeamSearch {
 public:
  using Likely = std::vector<std::pair<int32_t, float>>;  // ids with their logprobs, falling

  /// One that runs on: `token` behind what `parent`, an index into those before, has drawn.
  struct Step {
    uint32_t parent = 0;
    int32_t token = 0;
  };
  struct Ended {
    float score = 0;
    std::vector<int32_t> tokens;
    bool stopped = false;  // by its last token; else by the limit
  };

  /// `prompt`: what no_repeat_ngram looks at beside what is drawn. `limit`: tokens at most.
  BeamSearch(const work::Beams& asked, std::vector<int32_t> stop_tokens, uint32_t min_tokens,
             uint32_t limit, std::span<const int32_t> prompt);

  /// How many of the most likely tokens advance() needs of each that runs.
  uint32_t wanted() const;

  /// `likely`: of each that runs, in order, its most likely tokens with their logprobs, falling.
  /// Those that run from now on, in order; none: the search is over.
  std::vector<Step> advance(std::span<const Likely> likely);

  /// What has ended, the best first; at most as many as there are beams.
  const std::vector<Ended>& ended() const { return ended_; }

 private:
  struct Running {
    float score = 0;
    std::vector<int32_t> tokens;
  };
  struct Candidate {
    float score = 0;
    Step step;
    bool ends = false;
  };

  size_t kept() const;
  bool stops(int32_t token) const;
  std::vector<int32_t> barred(const Running& beam) const;
  std::vector<Candidate> candidates(std::span<const Likely> likely) const;
  void take_ended(std::span<const Candidate> best);
  bool full() const { return ended_.size() == asked_.beams; }
  bool can_improve() const;

  const work::Beams asked_;
  const std::vector<int32_t> stop_tokens_;
  const uint32_t min_tokens_, limit_;
  const std::vector<int32_t> prompt_;
  std::vector<Running> running_;
  std::vector<Ended> ended_;
  uint32_t drawn_ = 0;
};

}  // namespace weir::schedule
