// What a row's logits say of its id, on the CPU.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu_kernels.h"

namespace weir::kernels {

/// Where one row's logprobs go; `top` of the most likely ids.
struct LogprobsOut {
  float* own = nullptr;
  int32_t* rank = nullptr;
  int32_t* top_ids = nullptr;
  float* top_logprobs = nullptr;
  int32_t top = 0;
};

/// Of logits among which there is no NaN and one that is no -infinity. Of an infinite logit the
/// probability is 1. `weights` and `sums` are scratch.
void tell_logprobs(const std::vector<float>& logits, int32_t id, const LogprobsOut& out,
                   const SampleKernels& kernels, std::vector<float>& weights,
                   std::vector<double>& sums);

}  // namespace weir::kernels
