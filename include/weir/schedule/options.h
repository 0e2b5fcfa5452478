#pragma once

#include <cstdint>

namespace weir::schedule {

struct SchedulerOptions {
  uint32_t max_sequences = 64;       // rows of a step
  uint32_t max_batch_tokens = 2048;  // tokens of a step; raised to what spec.step_tokens says
  // Of these for prompts in a step where others decode: between the two, see chunk_beside. Equal by
  // default: a fixed chunk.
  uint32_t min_chunk_tokens = 512, max_chunk_tokens = 512;
  bool prefix_cache = true;
  uint32_t max_drafts = 0;  // guesses that a step holds in all, where they pay; 0: none
};

}  // namespace weir::schedule
