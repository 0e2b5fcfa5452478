#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace weir::nn {

/// How many numbers of a contiguous float32, float16 or bfloat16 tensor of the CPU are infinite or
/// NaN.
int64_t count_not_finite(const at::Tensor& tensor);

}  // namespace weir::nn
