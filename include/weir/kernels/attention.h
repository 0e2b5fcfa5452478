#pragma once

#include <cstdint>

#include "weir/kernels/view.h"

namespace weir::kernels {

/// Numbers added to the scores of heads, by how far a key stands from the query: for head h, a
/// query at position q and a key at position k it is data[h][clamp(k - q, -left, right) + left].
struct DistanceBias {
  const float* data = nullptr;  // (heads, left + 1 + right), on the device; null: no bias
  int32_t left = 0, right = 0;  // at least 0
};

/// How queries attend to keys: softmax over the keys seen of
/// soft_cap * tanh(scale * q k / soft_cap) + bias.
struct Attention {
  float scale = 1;
  float soft_cap = 0;  // 0: scores are not capped
  /// Only keys less than `window` positions away are seen: the query's own and window - 1 before
  /// it (and as many after it, unless causal). 0: all.
  int32_t window = 0;
  bool causal = true;  // keys after the query are not seen
  DistanceBias bias = {};
};

/// The newest keys and values of a step, (tokens, kv_heads * head_dim) each; or none.
struct NewKeys {
  ConstRows k, v;
  bool empty() const { return k.data == nullptr; }
};

/// One attention over pages that the layers of a step have.
struct PagedUse {
  const Ragged* ragged = nullptr;
  PagedShape shape;
};

}  // namespace weir::kernels
