// The reference is Hugging Face's modeling_mistral.py.
#include "arch/architectures.h"
#include "arch/llama_kind.h"

namespace weir::arch {

nn::Architecture mistral() {
  return llama_kind("MistralForCausalLM",
                    {.model_type = "mistral",
                     .window = {.where = WindowRule::Where::everywhere, .otherwise = 4096}});
}

}  // namespace weir::arch
