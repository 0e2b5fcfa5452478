#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "weir/nn/builder.h"
#include "weir/nn/pass.h"
#include "weir/nn/shape.h"

namespace weir::nn {

/// Rotary positions. Reads rope_parameters, or rope_scaling and rope_theta; types default, linear
/// and llama3 as Hugging Face's modeling_rope_utils.py computes them; others are refused.
/// Immutable.
class Rope {
 public:
  /// Throws LoadError where a field that a type needs is missing.
  Rope(const Builder& model, const Shape& shape);
  /// Rotates each head in place. heads: (tokens, n * head_dim)
  void apply(kernels::Rows heads, const Pass& pass) const;

 private:
  /// (positions, head_dim) float32: row p is the cosines of the head_dim / 2 angles, then the
  /// sines.
  at::Tensor angles_;
};

/// The positions that a model takes whose config.json says `positions`: linear scaling makes it
/// reach as many times farther, as vLLM serves it. Others say what they reach.
int64_t rope_reach(const ConfigFile& config, int64_t positions);

}  // namespace weir::nn
