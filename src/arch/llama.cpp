// The reference is Hugging Face's modeling_llama.py.
#include "arch/architectures.h"
#include "arch/llama_kind.h"

namespace weir::arch {

nn::Architecture llama() {
  nn::Architecture architecture = llama_kind("LlamaForCausalLM", {.model_type = "llama"});
  architecture.other_names = {"LLaMAForCausalLM"};
  return architecture;
}

}  // namespace weir::arch
