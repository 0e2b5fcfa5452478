#pragma once

#include <cstddef>
#include <cstdint>

#include "weir/schedule/options.h"
#include "weir/schedule/plan.h"
#include "weir/schedule/sequence.h"

namespace weir::schedule {

/// Prompt tokens for a step in which d = `decodes` rows decode and so many `prompts` wait to be
/// read. One prompt gets d + d^2/32, within the options' bounds. The step with the prompt then
/// takes at most about twice as long as the same step without it. Each further prompt adds as much
/// again, up to the upper bound: otherwise the last prompt of a burst would wait for all before it.
/// If any of the prompts is short, the result is at least four times the lower bound: a short
/// prompt is read in a few longer steps instead of many.
///
/// Where memory bandwidth limits a step of few rows (a CPU), reading the weights costs as much as
/// some 8 tokens (24 with AMX, which is the lower bound then), and each row about one more. So d
/// decodes and d more tokens take less than twice as long as the decodes alone. With many rows
/// arithmetic is the limit, and throughput matters: 32 clients with prompts as long as their
/// answers need one prompt token for each decoded token, and twice that to catch up after a burst.
/// A rule of the count alone is the same in every run; a rule learned from measured steps would
/// follow the noise of busy neighbours.
uint32_t chunk_beside(const SchedulerOptions& options, uint32_t decodes, size_t prompts,
                      bool any_short);

/// Whether at most 512 tokens of the sequence, its source with them, were not in the cache when it
/// began.
bool is_short(const Sequence& sequence);

/// What the tokens of a prompt cost. A token that attends to n others costs 1 + n/span; at position
/// p these are p others, or `window` - 1 if that is fewer and not 0. `span` 0: each token costs 1.
class PromptWork {
 public:
  explicit PromptWork(uint32_t span, uint32_t window = 0);
  double of(uint32_t first, uint32_t tokens) const;
  /// Of a source: each of its tokens attends to all of them.
  double of_source(uint32_t tokens) const;
  /// How many tokens from position `first` on cost no more than `work`.
  uint32_t within(double work, uint32_t first) const;

 private:
  double attended(double position) const;  // in all by the tokens before it

  double span_, reach_;
};

/// Of a model's prompts.
inline PromptWork prompt_work_of(const ModelSpec& spec) {
  return PromptWork(spec.attention_span, spec.window);
}

}  // namespace weir::schedule
