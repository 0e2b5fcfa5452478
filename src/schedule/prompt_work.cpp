#include "schedule/prompt_work.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

PromptWork::PromptWork(uint32_t span, uint32_t window)
    : span_(span), reach_(window > 0 ? window - 1 : std::numeric_limits<double>::infinity()) {}

double PromptWork::attended(double position) const {
  if (position <= reach_) return position * position / 2;
  return reach_ * (position - reach_ / 2);
}

double PromptWork::of(uint32_t first, uint32_t tokens) const {
  if (span_ == 0) return tokens;
  const double begin = first;
  return tokens + (attended(begin + tokens) - attended(begin)) / span_;
}

double PromptWork::of_source(uint32_t tokens) const {
  return span_ == 0 ? tokens : tokens * (1 + tokens / span_);
}

uint32_t PromptWork::within(double work, uint32_t first) const {
  if (work <= 0) return 0;
  double tokens = work;
  if (span_ > 0) {
    const double each = 1 + first / span_;  // the root of of(first, tokens) = work
    tokens = span_ * (std::sqrt(each * each + 2 * work / span_) - each);
    if (const double near = std::max(0.0, reach_ - first); tokens > near) {
      const double spent = near + (attended(first + near) - attended(first)) / span_;
      tokens = near + (work - spent) / (1 + reach_ / span_);
    }
  }
  return static_cast<uint32_t>(tokens + 1e-6);
}

}  // namespace weir::schedule
