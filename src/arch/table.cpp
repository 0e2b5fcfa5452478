#include "weir/arch/table.h"

#include "arch/architectures.h"

namespace weir::arch {

std::span<const nn::Architecture> table() {
  static const nn::Architecture entries[] = {
      llama(), qwen2(), qwen3(),   bert(), roberta(), xlm_roberta(), distilbert(),
      mpnet(), gpt2(),  mistral(), phi3(), t5(),      gru(),
  };
  return entries;
}

}  // namespace weir::arch
