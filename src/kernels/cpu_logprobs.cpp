#include "kernels/cpu_logprobs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace weir::kernels {
namespace {

/// log of the sum of exp(logit); infinite where a logit is.
double log_sum(const std::vector<float>& logits, float top, const SampleKernels& kernels,
               std::vector<float>& weights, std::vector<double>& sums) {
  if (std::isinf(top)) return top;
  const auto n = static_cast<int64_t>(logits.size());
  weights.resize(logits.size());
  sums.resize(static_cast<size_t>((n + kSampleBlock - 1) / kSampleBlock));
  kernels.weigh(weights.data(), sums.data(), logits.data(), n, top, 1, 0);
  return top + std::log(std::accumulate(sums.begin(), sums.end(), 0.0));
}

/// The greatest, falling, in `ids`. Few pass the least of them: one pass with insertion.
void find_most_likely(const std::vector<float>& logits, int32_t* ids, size_t count) {
  size_t found = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (found == count && !(logits[i] > logits[static_cast<size_t>(ids[found - 1])])) continue;
    if (found < count) ++found;
    size_t place = found - 1;
    for (; place > 0 && logits[i] > logits[static_cast<size_t>(ids[place - 1])]; --place)
      ids[place] = ids[place - 1];
    ids[place] = static_cast<int32_t>(i);
  }
}

}  // namespace

void tell_logprobs(const std::vector<float>& logits, int32_t id, const LogprobsOut& out,
                   const SampleKernels& kernels, std::vector<float>& weights,
                   std::vector<double>& sums) {
  const auto n = static_cast<int64_t>(logits.size());
  const float top = kernels.top(logits.data(), n).value;
  const double whole = log_sum(logits, top, kernels, weights, sums);
  const auto logprob = [&](int32_t of) {
    const float logit = logits[static_cast<size_t>(of)];
    return logit == whole ? 0.F : static_cast<float>(logit - whole);
  };
  const float own = logits[static_cast<size_t>(id)];
  *out.own = logprob(id);
  *out.rank = static_cast<int32_t>(
      std::count_if(logits.begin(), logits.end(), [own](float logit) { return logit >= own; }));
  const auto count = std::min(static_cast<size_t>(out.top), logits.size());
  if (count > 0) find_most_likely(logits, out.top_ids, count);
  for (size_t i = 0; i < count; ++i) out.top_logprobs[i] = logprob(out.top_ids[i]);
}

}  // namespace weir::kernels
