// One row's draw on the CPU.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "kernels/cpu_kernels.h"

namespace weir::kernels {

/// Memory that a thread needs to sample a row.
struct SampleScratch {
  std::vector<float> weights, values;
  std::vector<double> sums;
  std::vector<int32_t> indices;  // of candidates; the first `found` count
  size_t found = 0;
};

/// Scratch for as many threads as sample at once. Thread-safe.
class ScratchShelf {
 public:
  std::unique_ptr<SampleScratch> take();
  void put(std::unique_ptr<SampleScratch> scratch);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<SampleScratch>> free_;
};

/// The id drawn from `logits` (of `type`, n numbers; overwritten), or -1 when one is NaN or none
/// may be drawn.
int32_t sample_row(void* logits, DType type, int64_t n, const SampleRow& params,
                   const SampleKernels& kernels, SampleScratch& scratch);

}  // namespace weir::kernels
