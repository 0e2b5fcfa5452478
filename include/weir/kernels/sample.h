#pragma once

#include <cstdint>
#include <span>

namespace weir::kernels {

/// What is done to one logit before the draw, in this order: `add` is added; then a positive one is
/// divided by `repetition` (above 0) and another multiplied by it; then `subtract` is subtracted.
/// An id whose `add` is -infinity is never drawn.
struct LogitEdit {
  int32_t id = 0;
  float add = 0, repetition = 1, subtract = 0;
};

/// How one row's next token is drawn. temperature 0 is greedy (ties: the lowest id); top_k 0, top_p
/// 1, min_p 0 are off. The order is vLLM's: what is not allowed goes, the edits, temperature, then
/// min_p, then top_k, then top_p, then one draw. Spans are of host memory.
struct SampleRow {
  float temperature = 0, top_p = 1, min_p = 0;
  uint32_t top_k = 0;
  uint64_t seed = 0;
  uint64_t draw =
      0;  // the how-many-eth token of its sequence: the uniform number is philox(seed, draw)
  std::span<const int32_t> allowed = {};  // rising; empty: all
  std::span<const LogitEdit> edits = {};  // no id twice
  int32_t given = -1;                     // an id that is taken without a draw
  int32_t logprobs = -1;  // logprobs of the id and of so many of the most likely; -1: of none

  bool greedy() const { return temperature < 1e-5f; }  // as vLLM
};

/// What sample() gives instead of an id: a logit is NaN; none may be drawn, all being -infinity.
inline constexpr int32_t kLogitsAreBroken = -1, kNothingToDraw = -2;

/// Where sample() writes, on the device: a line a row. Those of the logprobs are written for rows
/// that want them, and may be null where none does.
struct SampleOut {
  int32_t* ids = nullptr;
  float* logprobs = nullptr;      // log_softmax of the logits as they came, of the row's id
  int32_t* ranks = nullptr;       // how many ids have at least its logit
  int32_t* top_ids = nullptr;     // (rows, top): the most likely, falling; ties: the lower id first
  float* top_logprobs = nullptr;  // (rows, top)
  int32_t top = 0;                // at least every row's `logprobs`
};

}  // namespace weir::kernels
