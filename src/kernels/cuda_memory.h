// Memory of the CUDA side, and how its errors are told.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "weir/kernels/cuda_event.h"

namespace weir::kernels {

/// Throws std::runtime_error with `what` and CUDA's words, unless `status` is success.
void cuda_check(cudaError_t status, const char* what);

/// Memory of the device, or page-locked memory of the host.
template <bool kOnHost>
class CudaBuffer {
 public:
  CudaBuffer() = default;
  explicit CudaBuffer(size_t bytes);
  ~CudaBuffer();
  CudaBuffer(CudaBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  CudaBuffer& operator=(CudaBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  char* data() const { return static_cast<char*>(data_); }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};
using DeviceBuffer = CudaBuffer<false>;
using PinnedBuffer = CudaBuffer<true>;

/// Page-locked blocks for copies to the device: the one that next() gives has been copied.
class PinnedRing {
 public:
  PinnedRing(size_t bytes, cudaStream_t stream);
  char* next();
  /// All copies out of the block of the last next() are queued.
  void queued();

 private:
  static constexpr size_t kBlocks = 3;
  struct Block {
    PinnedBuffer memory;
    CudaEvent copied;
  };
  cudaStream_t stream_;
  std::vector<Block> blocks_;
  size_t now_ = 0;
};

/// Small arrays that operations take from the host (parameters, indices), copied to the device.
/// A pointer is good for what is queued before the next begin_step.
class HostArguments {
 public:
  explicit HostArguments(cudaStream_t stream) : stream_(stream), blocks_(kBlocks) {}
  void begin_step();
  /// `bytes` of `data` on the device.
  void* put(const void* data, size_t bytes);

 private:
  static constexpr size_t kBlocks = 3, kLeast = 256 * 1024;
  struct Piece {
    PinnedBuffer host;
    DeviceBuffer device;
  };
  struct Block {
    std::vector<Piece> pieces;
    size_t used_pieces = 0, used_bytes = 0;
    CudaEvent done;
  };
  cudaStream_t stream_;
  std::vector<Block> blocks_;
  size_t now_ = 0;
};

}  // namespace weir::kernels
