// The reference is Hugging Face's modeling_qwen2.py.
#include "arch/architectures.h"
#include "arch/llama_kind.h"

namespace weir::arch {

nn::Architecture qwen2() {
  return llama_kind("Qwen2ForCausalLM",
                    {.model_type = "qwen2",
                     .window = {.where = WindowRule::Where::switched, .otherwise = 4096},
                     .qkv_bias = true});
}

}  // namespace weir::arch
