#pragma once

#include <ATen/core/Tensor.h>

#include "weir/kernels/view.h"

namespace weir::nn {

inline kernels::DType dtype_of(at::ScalarType type) {
  return type == at::kFloat ? kernels::DType::float32 : kernels::DType::bfloat16;
}
inline kernels::DType dtype_of(const at::Tensor& tensor) { return dtype_of(tensor.scalar_type()); }

/// A view of a (rows, cols) tensor, float32 or bfloat16, whose rows are contiguous. The tensor
/// stays the owner.
inline kernels::Rows rows_of(const at::Tensor& tensor) {
  return {const_cast<void*>(tensor.const_data_ptr()), dtype_of(tensor), tensor.size(0),
          tensor.size(1), tensor.stride(0)};
}

/// Columns [first, first + count) of the same view.
inline kernels::Rows columns(kernels::Rows rows, int64_t first, int64_t count) {
  rows.data =
      static_cast<char*>(rows.data) + first * static_cast<int64_t>(kernels::size_of(rows.type));
  rows.cols = count;
  return rows;
}

}  // namespace weir::nn
