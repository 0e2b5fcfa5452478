#pragma once

#include <cstdint>
#include <string>

#include "app/config.h"
#include "weir/engine/device.h"
#include "weir/engine/load.h"

namespace weir::app {

/// The limits of one step of a model.
struct StepLimits {
  uint32_t sequences = 0;
  uint32_t tokens = 0;
  /// Prompt tokens of a step in which other sequences decode: between these two, by the number that
  /// decodes. Equal if the setting or a GPU fixes the number.
  uint32_t least_chunk = 0, most_chunk = 0;
};

/// "64 sequences, 2048 tokens, 24 to 64 of prompts beside decodes"
std::string to_string(const StepLimits& limits);

/// What the models run on. `free` is measured before anything is loaded.
struct Hardware {
  engine::DeviceKind device = engine::DeviceKind::cpu;
  uint64_t free = 0;  // bytes
};

/// The configured limits, or those that suit the device. A processor reaches its full speed with
/// few rows. A GPU reads its weights for 1,000 rows in the time that it takes for one.
StepLimits step_limits(const Config& config, const Hardware& hardware,
                       const engine::Description& description);

}  // namespace weir::app
