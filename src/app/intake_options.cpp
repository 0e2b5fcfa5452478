#include "app/intake_options.h"

#include <algorithm>

namespace weir::app {

traffic::IntakeOptions intake_options(const Config& config, int cores, const CgroupLimits& limits) {
  traffic::IntakeOptions options;
  options.turns = static_cast<uint32_t>(usable_threads(std::max(cores, 1), limits));
  options.room_bytes = 24 * config.max_body;
  if (limits.memory)
    options.room_bytes = std::min<size_t>(options.room_bytes, limits.memory->limit / 8);
  options.room_bytes = std::max(options.room_bytes, config.max_body);
  return options;
}

}  // namespace weir::app
