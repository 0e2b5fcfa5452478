#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels/cuda_memory.h"

namespace weir::kernels {

void cuda_check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw std::runtime_error(std::string(what) + ": " + cudaGetErrorName(status) + ", " +
                           cudaGetErrorString(status));
}

template <bool kOnHost>
CudaBuffer<kOnHost>::CudaBuffer(size_t bytes) : bytes_(bytes) {
  if constexpr (kOnHost) {
    cuda_check(cudaMallocHost(&data_, bytes), "page-locked memory");
  } else {
    cuda_check(cudaMalloc(&data_, bytes), "device memory");
  }
}

// Errors are of no use here: the device may be lost.
template <bool kOnHost>
CudaBuffer<kOnHost>::~CudaBuffer() {
  if (data_ == nullptr) return;
  kOnHost ? cudaFreeHost(data_) : cudaFree(data_);
}

template class CudaBuffer<false>;
template class CudaBuffer<true>;

CudaEvent::CudaEvent() {
  cuda_check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "event");
}
CudaEvent::~CudaEvent() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}
void CudaEvent::record(cudaStream_t stream) {
  cuda_check(cudaEventRecord(event_, stream), "event");
}
void CudaEvent::wait() const { cuda_check(cudaEventSynchronize(event_), "wait for the device"); }

PinnedRing::PinnedRing(size_t bytes, cudaStream_t stream) : stream_(stream), blocks_(kBlocks) {
  for (Block& block : blocks_) block.memory = PinnedBuffer(bytes);
}

char* PinnedRing::next() {
  now_ = (now_ + 1) % kBlocks;
  blocks_[now_].copied.wait();
  return blocks_[now_].memory.data();
}

void PinnedRing::queued() { blocks_[now_].copied.record(stream_); }

void HostArguments::begin_step() {
  blocks_[now_].done.record(stream_);
  now_ = (now_ + 1) % kBlocks;
  Block& block = blocks_[now_];
  block.done.wait();
  block.used_pieces = block.used_bytes = 0;
}

void* HostArguments::put(const void* data, size_t bytes) {
  Block& block = blocks_[now_];
  while (block.used_pieces < block.pieces.size() &&
         block.used_bytes + bytes > block.pieces[block.used_pieces].host.bytes()) {
    ++block.used_pieces;
    block.used_bytes = 0;
  }
  if (block.used_pieces == block.pieces.size()) {
    const size_t size = std::max(bytes, kLeast);
    block.pieces.push_back({PinnedBuffer(size), DeviceBuffer(size)});
  }
  const Piece& piece = block.pieces[block.used_pieces];
  char* host = piece.host.data() + block.used_bytes;
  char* device = piece.device.data() + block.used_bytes;
  if (bytes == 0) return device;
  std::memcpy(host, data, bytes);
  cuda_check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_),
             "copy of arguments");
  block.used_bytes += (bytes + 15) / 16 * 16;
  return device;
}

}  // namespace weir::kernels
