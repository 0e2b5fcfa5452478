#pragma once

#include <cstdint>
#include <string>

#include "app/config.h"
#include "weir/engine/device.h"
#include "weir/engine/load.h"

namespace weir::app {

/// What one step of a model holds at most.
struct StepLimits {
  uint32_t sequences = 0;
  uint32_t tokens = 0;
  /// Prompt tokens of a step in which others decode: between the two, by what decodes. Equal where
  /// the setting or a GPU fixes it.
  uint32_t least_chunk = 0, most_chunk = 0;
};

/// "64 sequences, 2048 tokens, 24 to 64 of prompts beside decodes"
std::string to_string(const StepLimits& limits);

/// What the models run on, before anything is loaded.
struct Hardware {
  engine::DeviceKind device = engine::DeviceKind::cpu;
  uint64_t free = 0;  // bytes
};

/// As configured, or what suits the device. A processor has reached its speed with few rows; a GPU
/// reads its weights for 1,000 rows in the time it takes for one.
StepLimits step_limits(const Config& config, const Hardware& hardware,
                       const engine::Description& description);

}  // namespace weir::app
