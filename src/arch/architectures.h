#pragma once

#include "weir/nn/model.h"

namespace weir::arch {

nn::Architecture llama();
nn::Architecture qwen3();
nn::Architecture bert();

}  // namespace weir::arch
