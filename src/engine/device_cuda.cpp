#include "engine/device_cuda.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "weir/base/log.h"

namespace weir::engine {
namespace {

/// One GPU and a stream of its own, on which everything of the step thread is queued.
class CudaDevice final : public Device {
 public:
  explicit CudaDevice(int index)
      : index_(static_cast<c10::DeviceIndex>(index)),
        stream_(c10::cuda::getStreamFromPool(true, index_)) {
    c10::cuda::CUDAStreamGuard guard(stream_);
    backend_ = nn::make_cuda_backend(index);
  }

  DeviceKind kind() const override { return DeviceKind::cuda; }
  std::string name() const override {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, index_) != cudaSuccess)
      return "cuda:" + std::to_string(index_);
    return "cuda:" + std::to_string(index_) + ", " + properties.name + ", " +
           std::to_string(properties.totalGlobalMem >> 30) + " GiB";
  }
  void enter() override {
    at::set_num_threads(1);
    inference_.emplace(true);
    stream_guard_.emplace(stream_);
  }
  nn::Backend& backend() override { return *backend_; }

  uint64_t free_memory() const override {
    c10::cuda::CUDAGuard guard(index_);
    size_t free = 0, total = 0;
    return cudaMemGetInfo(&free, &total) == cudaSuccess ? free : 0;
  }

 private:
  c10::DeviceIndex index_;
  c10::cuda::CUDAStream stream_;
  std::unique_ptr<nn::Backend> backend_;
  // Thread-local: live and die in the step thread's time.
  std::optional<c10::InferenceMode> inference_;
  std::optional<c10::cuda::CUDAStreamGuard> stream_guard_;
};

}  // namespace

int cuda_device_count() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess) return count;
  if (status != cudaErrorNoDevice)
    log_warning(std::string("CUDA does not start: ") + cudaGetErrorString(status));
  return 0;
}

Result<std::unique_ptr<Device>> open_cuda_device(int index) {
  int count = cuda_device_count();
  if (index < 0 || index >= count)
    return invalid("device is cuda:" + std::to_string(index) + "; this machine has " +
                       std::to_string(count) + " GPUs",
                   "device");
  // Steps differ in size: segments that grow waste less. Read once, at torch's first allocation;
  // the operator's word wins.
  ::setenv("PYTORCH_ALLOC_CONF", "expandable_segments:True", 0);
  try {
    return std::unique_ptr<Device>(std::make_unique<CudaDevice>(index));
  } catch (const std::exception& failure) {
    return Error{
        .code = Code::unavailable,
        .message = "device cuda:" + std::to_string(index) + " does not start: " + failure.what()};
  }
}

}  // namespace weir::engine
