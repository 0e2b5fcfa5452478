#pragma once

#include <cstdint>

namespace weir::kernels {

/// The widest head that attention computes, on every device.
constexpr int32_t kMaxHeadDim = 256;

/// Whether attention and rotary positions compute heads of this size: their halves are rotated, and
/// bfloat16 is read in pairs.
constexpr bool takes_heads_of(int64_t head_dim) {
  return head_dim > 0 && head_dim % 2 == 0 && head_dim <= kMaxHeadDim;
}

}  // namespace weir::kernels
