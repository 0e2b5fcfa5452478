#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "weir/nn/linear.h"

namespace weir::nn {

/// y = down(activation(up x)), or down(up x) where `up` is gated, and has its activation.
/// Immutable.
struct Mlp {
  std::unique_ptr<Linear> up, down;
  Activation activation = Activation::none;

  /// out += y. x, y: (tokens, hidden)
  void add_to(at::Tensor& out, const at::Tensor& x, const Pass& pass) const {
    down->add_to(out, up->forward(x, pass, activation), pass);
  }
  at::Tensor forward(const at::Tensor& x, const Pass& pass) const {
    return down->forward(up->forward(x, pass, activation), pass);
  }
};

}  // namespace weir::nn
