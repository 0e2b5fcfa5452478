// The reference is Hugging Face's modeling_llama.py.
#include "arch/architectures.h"
#include "arch/llama_kind.h"

namespace weir::arch {

nn::Architecture llama() { return llama_kind("LlamaForCausalLM", {}); }

}  // namespace weir::arch
