#pragma once

#include <utility>

struct CUevent_st;
struct CUstream_st;

namespace weir::kernels {

/// A place in a stream (a cudaStream_t) that the host can wait for; at once where nothing was
/// recorded yet. CUDA errors are thrown as std::runtime_error, but never by the destructor: it may
/// run where the device is lost, which torch's events do not bear. Not thread-safe.
class CudaEvent {
 public:
  CudaEvent();
  ~CudaEvent();
  CudaEvent(CudaEvent&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  void record(CUstream_st* stream);
  void wait() const;

 private:
  CUevent_st* event_ = nullptr;
};

}  // namespace weir::kernels
