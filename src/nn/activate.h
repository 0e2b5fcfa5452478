#pragma once

#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tanh.h>

#include "weir/nn/linear.h"

namespace weir::nn {

inline at::Tensor activate(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::tanh:
      return at::tanh(x);
    case Activation::relu:
      return at::relu(x);
    case Activation::silu:
      return at::silu(x);
    case Activation::none:
      break;
  }
  return x;
}

/// x: (tokens, 2 inner), the gate's columns first. Gives (tokens, inner).
inline at::Tensor apply_gate(const at::Tensor& x, Activation gate) {
  const int64_t inner = x.size(1) / 2;
  return activate(x.narrow(1, 0, inner), gate).mul(x.narrow(1, inner, inner));
}

}  // namespace weir::nn
