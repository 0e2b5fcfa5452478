#pragma once

#include "weir/engine/device.h"

namespace weir::engine {

Result<std::unique_ptr<Device>> open_cpu_device(int threads);

}  // namespace weir::engine
