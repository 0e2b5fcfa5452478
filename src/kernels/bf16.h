#pragma once

#include <cstdint>

namespace weir::kernels {

/// The bits of a bfloat16: the upper half of a float32.
struct bf16 {
  uint16_t bits;
};

}  // namespace weir::kernels
