#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "weir/kernels/act.h"

namespace weir::nn {

struct Pass;

using Activation = kernels::Act;

/// A fused linear layer y = act(x W^T + b): several weights stacked by output feature act as one. A
/// gated one is y = gate(x G^T + g) * (x W^T + b). Immutable.
class Linear {
 public:
  virtual ~Linear() = default;
  /// x: (m, in) of the model's type; result: (m, out) of the model's type, or float32 for logits. A
  /// gated layer has no activation beside its own, and no logits.
  virtual at::Tensor forward(const at::Tensor& x, const Pass& pass,
                             Activation activation = Activation::none) const = 0;
  /// out += y. out: (m, out). REQUIRES a layer that is not gated.
  virtual void add_to(at::Tensor& out, const at::Tensor& x, const Pass& pass) const = 0;
  virtual at::Tensor logits(const at::Tensor& x, const Pass& pass) const = 0;  // (m, out) float32
  virtual int64_t out_features() const = 0;
  virtual int64_t in_features() const = 0;
};

/// What a layer is made from: weights (out_i, in) and either no bias or one (out_i) for each.
/// With a gate, which is_gate() knows: two of one shape, G and W.
struct LinearSource {
  std::vector<at::Tensor> weights;
  std::vector<at::Tensor> biases;
  std::optional<Activation> gate = {};
};

}  // namespace weir::nn
