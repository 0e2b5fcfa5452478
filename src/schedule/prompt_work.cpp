#include "schedule/prompt_work.h"

#include <algorithm>
#include <cmath>

namespace weir::schedule {
namespace {

constexpr uint32_t kShortPrompt = 512;
constexpr uint64_t kShortChunks = 4;

}  // namespace

uint32_t chunk_beside(const SchedulerOptions& options, uint32_t decodes, size_t prompts,
                      bool any_short) {
  const uint64_t d = decodes, least = options.min_chunk_tokens;
  const uint64_t one = std::max(d + d * d / 32, least);
  const uint64_t each = one * std::max<uint64_t>(prompts, 1);
  const uint64_t if_short = any_short ? kShortChunks * least : 0;
  return static_cast<uint32_t>(
      std::min<uint64_t>(std::max(each, if_short), options.max_chunk_tokens));
}

bool is_short(const Sequence& sequence) {
  return sequence.source_tokens() + sequence.total() <= sequence.cached_tokens + kShortPrompt;
}

double PromptWork::of(uint32_t first, uint32_t tokens) const {
  if (span_ == 0) return tokens;
  return tokens * (1 + (first + 0.5 * tokens) / span_);
}

double PromptWork::of_source(uint32_t tokens) const {
  return span_ == 0 ? tokens : tokens * (1 + tokens / span_);
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
