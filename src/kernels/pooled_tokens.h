#pragma once

#include <cstdint>

#include "weir/kernels/ops.h"

#ifdef __CUDACC__
#define WEIR_BOTH_SIDES __host__ __device__
#else
#define WEIR_BOTH_SIDES
#endif

namespace weir::kernels {

/// Which tokens of a row are pooled.
struct PooledTokens {
  int32_t first;     // of the row, pooled or not
  int32_t from, to;  // both included
};

/// `first` and `last` are the row's own.
WEIR_BOTH_SIDES inline PooledTokens pooled_tokens(const PoolRule& rule, int64_t row, int32_t first,
                                                  int32_t last) {
  int32_t from = first;
  if (rule.left_out != nullptr) from += rule.left_out[row];
  if (from > last || rule.pooling == Pooling::last) from = last;
  return {first, from, rule.pooling == Pooling::cls ? from : last};
}

/// What their sum is multiplied with.
WEIR_BOTH_SIDES inline float pool_scale(Pooling pooling, const PooledTokens& tokens) {
  const auto count = static_cast<float>(tokens.to - tokens.from + 1);
  if (pooling == Pooling::max) return 1.f;
  if (pooling == Pooling::sqrt_length) return 1.f / __builtin_sqrtf(count);
  if (pooling != Pooling::weighted) return 1.f / count;
  // The mean of the weights from - first + 1 to to - first + 1, as often as there are tokens.
  const auto ends = static_cast<float>(tokens.from + tokens.to - 2 * tokens.first + 2);
  return 2.f / (ends * count);
}

}  // namespace weir::kernels

#undef WEIR_BOTH_SIDES
