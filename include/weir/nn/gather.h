#pragma once

#include <ATen/ops/empty.h>

#include <cstdint>
#include <span>

#include "weir/nn/backend.h"
#include "weir/nn/rows.h"

namespace weir::nn {

/// Some rows of x, in the order of `indices`, which lie on the host.
inline at::Tensor gather(Backend& backend, const at::Tensor& x, std::span<const int32_t> indices) {
  at::Tensor out =
      at::empty({static_cast<int64_t>(indices.size()), x.size(1)}, x.options());  // (n, cols)
  backend.ops().gather(rows_of(out), rows_of(x), indices);
  return out;
}

}  // namespace weir::nn
