#pragma once

#include <span>

#include "weir/nn/model.h"

namespace weir::arch {

/// Every architecture that can be served, by its name in config.json's "architectures".
std::span<const nn::Architecture> table();

}  // namespace weir::arch
