#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "weir/nn/builder.h"
#include "weir/nn/pass.h"
#include "weir/nn/shape.h"

namespace weir::nn {

/// Rotary positions. Reads rope_parameters, or rope_scaling and rope_theta; types default, linear,
/// llama3 and yarn as Hugging Face's modeling_rope_utils.py computes them; others are refused.
/// Immutable.
class Rope {
 public:
  /// Of a head's columns the first `rotated` are, the others stay; rotation_order() says where both
  /// stand. Throws LoadError where a field that a type needs is missing.
  Rope(const Builder& model, const Shape& shape, int64_t rotated);
  /// Rotates each head in place. heads: (tokens, n * head_dim)
  void apply(kernels::Rows heads, const Pass& pass) const;

 private:
  /// (positions, head_dim) float32: row p is the cosines of the head_dim / 2 angles, then the
  /// sines.
  at::Tensor angles_;
};

/// Refuses every rope_type but default.
void expect_plain_rope(const ConfigFile& config);

/// How many columns of a head are rotated: partial_rotary_factor of them. Throws LoadError where
/// these are none, an odd number, or more than there are.
int64_t rotated_columns(const ConfigFile& config, int64_t head_dim);

/// Heads whose first `rotated` columns are rotated, as kernels compute them: these rotate the whole
/// of a head, column i with column i + head_dim / 2. So half of the rotated columns begin each half
/// of a head, and the others have an angle of 0. Column i is the checkpoint's column result[i];
/// empty where that is i. Scores stay, as queries and keys have the same order.
std::vector<int64_t> rotation_order(int64_t heads, int64_t head_dim, int64_t rotated);

/// The positions that a model takes whose config.json says `positions`: linear scaling makes it
/// reach as many times farther, and yarn as many times farther than the original positions, as vLLM
/// serves it. Others say what they reach.
int64_t rope_reach(const ConfigFile& config, int64_t positions);

}  // namespace weir::nn
