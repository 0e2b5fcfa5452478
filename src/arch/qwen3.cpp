// The reference is Hugging Face's modeling_qwen3.py.
#include "arch/architectures.h"
#include "arch/llama_kind.h"

namespace weir::arch {

nn::Architecture qwen3() {
  return llama_kind("Qwen3ForCausalLM",
                    {.model_type = "qwen3",
                     .window = {.where = WindowRule::Where::switched, .otherwise = 4096},
                     .head_norms = true,
                     .head_dim = 128});
}

}  // namespace weir::arch
