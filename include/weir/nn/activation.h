#pragma once

#include <string>

#include "weir/nn/config.h"
#include "weir/nn/linear.h"

namespace weir::nn {

/// The activation that `field` of config.json names behind `prefix`; `otherwise` where the field is
/// absent. Throws LoadError where it is none that an MLP computes.
Activation activation_of(const ConfigFile& config, const char* field, const std::string& otherwise,
                         const std::string& prefix = "");

}  // namespace weir::nn
