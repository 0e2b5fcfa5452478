#pragma once

#include <ATen/ops/empty.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

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

/// The hidden states of the tokens `wanted`, in their order. x: (held, cols), the hidden states of
/// the tokens `held` (ascending, all of `wanted` among them) or, unset, of every token.
at::Tensor pick(Backend& backend, const at::Tensor& x, std::optional<std::span<const int32_t>> held,
                std::span<const int32_t> wanted);

}  // namespace weir::nn
