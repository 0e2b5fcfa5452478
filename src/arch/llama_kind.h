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
  bool fused = false;       // queries, keys and values in qkv_proj, gate and up in gate_up_proj
  bool rotated_in_part = false;  // partial_rotary_factor of a head is rotated
  bool plain_rope = false;       // every rope_type but default is refused
  double epsilon = 1e-6;         // of norms, where config.json has none
  int64_t head_dim = 0;          // where config.json has none; 0: hidden_size / num_attention_heads
};

/// RMSNorm before each half, rotary positions, grouped-query attention, SiLU-gated MLP, and
/// `traits`.
nn::Architecture llama_kind(std::string name, LlamaTraits traits);

}  // namespace weir::arch
