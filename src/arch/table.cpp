#include "weir/arch/table.h"

#include "arch/architectures.h"

namespace weir::arch {

std::span<const nn::Architecture> table() {
  static const nn::Architecture entries[] = {
      llama(),
      qwen3(),
      bert(),
  };
  return entries;
}

}  // namespace weir::arch
