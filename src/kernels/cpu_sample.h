// One row's draw on the CPU.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "kernels/cpu_kernels.h"
#include "kernels/cpu_logprobs.h"

namespace weir::kernels {

/// Memory that a thread needs to sample a row.
struct SampleScratch {
  std::vector<float> weights, values, untouched;
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

/// The id drawn from `logits` (overwritten), or what sample() gives instead. `out`: of this row.
int32_t sample_row(std::span<float> logits, const SampleRow& params, const LogprobsOut& out,
                   const SampleKernels& kernels, SampleScratch& scratch);

}  // namespace weir::kernels
