#pragma once

#include <cstdint>

#include "weir/nn/config.h"

namespace weir::arch {

/// How config.json says that the layers of a decoder attend through a window.
struct WindowRule {
  enum class Where : uint8_t {
    nowhere,     // no field is read
    everywhere,  // sliding_window is that of every layer
    /// As Qwen2 has it: sliding_window holds where use_sliding_window is true, in the layers that
    /// layer_types names, or else from layer max_window_layers on.
    switched,
  };
  Where where = Where::nowhere;
  int64_t otherwise = 0;  // where sliding_window is absent; 0: there is none then
};

/// The window of all `layers`; 0: there is none. Throws LoadError where layers differ.
int64_t read_window(const nn::ConfigFile& config, const WindowRule& rule, int64_t layers);

}  // namespace weir::arch
