#pragma once

#include <ATen/core/Tensor.h>

#include "weir/nn/pass.h"

namespace weir::nn {

/// Collects the hidden states of all layers for the tokens Inputs::inner of a step. Without such
/// tokens it does nothing.
class InnerStates {
 public:
  /// For a trunk of `layers` layers, whose states are like `x`, (tokens, hidden).
  InnerStates(const Pass& pass, int64_t layers, const at::Tensor& x);
  /// What the first layer gets, then what each layer gives, in order.
  void keep(const at::Tensor& x);
  /// (layers + 1, inner tokens, hidden); undefined without such tokens.
  const at::Tensor& states() const { return states_; }

 private:
  const Pass& pass_;
  at::Tensor states_;
  int64_t kept_ = 0;
};

}  // namespace weir::nn
