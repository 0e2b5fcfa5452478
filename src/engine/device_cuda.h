#pragma once

#include "weir/engine/device.h"

namespace weir::engine {

/// GPUs that this process may use; 0 where there is no driver.
int cuda_device_count();

/// Errors: an index that is not there.
Result<std::unique_ptr<Device>> open_cuda_device(int index);

}  // namespace weir::engine
