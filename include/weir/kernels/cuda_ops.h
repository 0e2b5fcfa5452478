#pragma once

#include <cstdint>
#include <memory>

#include "weir/kernels/ops.h"

namespace weir::kernels {

/// Operations on the current CUDA device, queued on `stream` (a cudaStream_t). `begin_step` is not
/// captured into a graph; the operations of a step may be, and then read the arrays of their Ragged
/// anew in each replay. Attention over pages needs each row's pages to be exactly those of its
/// keys; how it cuts them, and so how its sums are rounded, depends on what else is in the step. A
/// CUDA error is thrown as std::runtime_error.
std::unique_ptr<Ops> make_cuda_ops(void* stream);

/// ids[tokens[i]] = sampled[lines[i]], for `count` i; all on the device. An id of -1 becomes 0.
struct SampledPlaces {
  const int32_t* tokens = nullptr;
  const int32_t* lines = nullptr;
  int32_t count = 0;
};
void put_sampled(int32_t* ids, const int32_t* sampled, const SampledPlaces& places, void* stream);

}  // namespace weir::kernels
