#pragma once

#include <cstddef>
#include <cstdint>

#include "weir/schedule/options.h"
#include "weir/schedule/sequence.h"

namespace weir::schedule {

/// Prompt tokens for a step beside `decodes` rows when so many `prompts` want to be read. One
/// prompt gets d + d^2/32, within the options' bounds, so that those who read along wait about
/// twice a step of their own at most, however long it is; each further one as much again, up to the
/// upper bound: of a burst the last would wait for all before it, and one that decodes for each of
/// them anyway. With `any_short` among them they get four times the lower bound at least: a short
/// prompt is read in a few longer steps instead of many.
///
/// Where memory bandwidth limits a step of few rows (a CPU), reading the weights costs as much as
/// some 8 tokens (24 with AMX, the lower bound then) and each row about one more, so d decodes and
/// d more tokens take less than twice as long as the decodes. From many rows on arithmetic limits,
/// and what matters is throughput: 32 clients with prompts as long as their answers need one prompt
/// token for each decoded, and twice that to catch up after a burst. A rule of the count alone is
/// the same in every run; rules learned from measured steps follow the noise of busy neighbours.
uint32_t chunk_beside(const SchedulerOptions& options, uint32_t decodes, size_t prompts,
                      bool any_short);

/// Whether at most 512 tokens were not in the cache when it began.
bool is_short(const Sequence& sequence);

/// What the tokens of a prompt cost: one at position p counts 1 + p/span, since it attends to p
/// others. `span` 0: each counts 1.
class PromptWork {
 public:
  explicit PromptWork(uint32_t span) : span_(span) {}
  double of(uint32_t first, uint32_t tokens) const;
  /// How many tokens from position `first` on cost no more than `work`.
  uint32_t within(double work, uint32_t first) const;

 private:
  double span_;
};

}  // namespace weir::schedule
