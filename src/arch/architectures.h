#pragma once

#include "weir/nn/model.h"

namespace weir::arch {

nn::Architecture llama();
nn::Architecture bert();

}  // namespace weir::arch
