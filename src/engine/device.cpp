#include "weir/engine/device.h"

#include "engine/cpu_device.h"
#ifdef WEIR_CUDA
#include "engine/device_cuda.h"
#endif

namespace weir::engine {

Result<std::unique_ptr<Device>> Device::open(const DeviceOptions& options) {
  if (options.kind == DeviceKind::cpu) return open_cpu_device(options.threads);
#ifdef WEIR_CUDA
  return open_cuda_device(options.index);
#else
  return invalid("device is cuda; this build has none (the cuda preset builds it)", "device");
#endif
}

DeviceKind best_device() {
#ifdef WEIR_CUDA
  if (cuda_device_count() > 0) return DeviceKind::cuda;
#endif
  return DeviceKind::cpu;
}

}  // namespace weir::engine
