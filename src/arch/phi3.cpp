// The reference is Hugging Face's modeling_phi3.py.
#include "arch/architectures.h"
#include "arch/llama_kind.h"

namespace weir::arch {

nn::Architecture phi3() {
  return llama_kind("Phi3ForCausalLM", {.model_type = "phi3",
                                        .window = {.where = WindowRule::Where::everywhere},
                                        .fused = true,
                                        .rotated_in_part = true,
                                        .plain_rope = true,
                                        .epsilon = 1e-5});
}

}  // namespace weir::arch
