#pragma once

#include <ATen/core/Tensor.h>

#include "weir/nn/backend.h"

namespace weir::nn {

/// x / sqrt(mean(x^2) + eps) * weight. Immutable.
class RmsNorm {
 public:
  RmsNorm(Backend& backend, const at::Tensor& weight, at::ScalarType type, double eps);
  at::Tensor forward(const at::Tensor& x) const;  // (tokens, hidden)
  /// residual += x, then the norm of residual.
  at::Tensor add_forward(at::Tensor& residual, const at::Tensor& x) const;

 private:
  Backend& backend_;
  at::Tensor weight_;
  float eps_;
};

/// RmsNorm of each head of queries and keys, in place. Immutable.
class HeadNorm {
 public:
  /// A norm's weight is one that heads share.
  struct Shared {
    at::Tensor weight;  // (head_dim)
    int64_t heads = 0;
  };
  HeadNorm(Backend& backend, const Shared& queries, const Shared& keys, at::ScalarType type,
           double eps);
  /// qk: (tokens, (heads + kv_heads) * head_dim)
  void apply(kernels::Rows qk) const;

 private:
  Backend& backend_;
  at::Tensor weight_;  // ((heads + kv_heads) * head_dim)
  int32_t head_dim_;
  float eps_;
};

/// (v - mean) / sqrt(variance + eps) * weight + bias, of x or of x + residual. Immutable.
class LayerNorm {
 public:
  LayerNorm(Backend& backend, const at::Tensor& weight, const at::Tensor& bias, at::ScalarType type,
            double eps);
  at::Tensor forward(const at::Tensor& x) const;
  at::Tensor add_forward(const at::Tensor& x, const at::Tensor& residual) const;

 private:
  Backend& backend_;
  at::Tensor weight_, bias_;
  float eps_;
};

}  // namespace weir::nn
