#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "weir/nn/config.h"

namespace weir::nn {

/// The table of rotary angles, (positions, head_dim) float32 on `device`: row p is the cosines of
/// the head_dim / 2 angles, then the sines. Reads rope_parameters, or rope_scaling and rope_theta;
/// types default, linear and llama3 as Hugging Face's modeling_rope_utils.py computes them; others
/// are refused.
///
/// Throws LoadError where a field that a type needs is missing.
at::Tensor rope_table(const ConfigFile& config, int64_t positions, int64_t head_dim,
                      at::Device device);

/// The positions that a model takes whose config.json says `positions`: linear scaling makes it
/// reach as many times farther, as vLLM serves it. Others say what they reach.
int64_t rope_reach(const ConfigFile& config, int64_t positions);

}  // namespace weir::nn
