#pragma once

#include <string>

#include "arch/windows.h"
#include "weir/nn/model.h"

namespace weir::arch {

/// What models of Llama's kind differ in.
struct LlamaTraits {
  std::string model_type;  // in config.json
  WindowRule window;
  bool qkv_bias = false;    // queries, keys and values have biases always, what follows them never
  bool head_norms = false;  // RMSNorm of each head of queries and keys, before they are rotated
  int64_t head_dim = 0;     // where config.json has none; 0: hidden_size / num_attention_heads
};

/// RMSNorm before each half, rotary positions, grouped-query attention, SiLU-gated MLP, and
/// `traits`.
nn::Architecture llama_kind(std::string name, LlamaTraits traits);

}  // namespace weir::arch
