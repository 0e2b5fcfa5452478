#include "schedule/prompt_work.h"

#include <algorithm>
#include <cmath>

namespace weir::schedule {

uint32_t chunk_beside(const SchedulerOptions& options, uint32_t decodes) {
  const uint64_t d = decodes;
  const uint64_t wanted = std::min<uint64_t>(d + d * d / 32, options.max_chunk_tokens);
  return std::max(static_cast<uint32_t>(wanted), options.min_chunk_tokens);
}

double PromptWork::of(uint32_t first, uint32_t tokens) const {
  if (span_ == 0) return tokens;
  return tokens * (1 + (first + 0.5 * tokens) / span_);
}

uint32_t PromptWork::within(double work, uint32_t first) const {
  if (work <= 0) return 0;
  double tokens = work;
  if (span_ > 0) {  // the root of of(first, tokens) = work
    const double each = 1 + first / span_;
    tokens = span_ * (std::sqrt(each * each + 2 * work / span_) - each);
  }
  return static_cast<uint32_t>(tokens + 1e-6);
}

}  // namespace weir::schedule
