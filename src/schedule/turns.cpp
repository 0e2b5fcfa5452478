#include "schedule/turns.h"

#include <algorithm>
#include <cmath>

namespace weir::schedule {

size_t Turns::next(const std::vector<size_t>& work) {
  spent_.resize(work.size(), now_);
  size_t best = kNobody;
  for (size_t i = 0; i < work.size(); ++i) {
    if (work[i] == 0) {
      spent_[i] = std::max(spent_[i], now_);
      continue;
    }
    if (best == kNobody || spent_[i] < spent_[best]) best = i;
  }
  if (best != kNobody) now_ = std::max(now_, spent_[best]);
  return best;
}

void Turns::took(size_t model, size_t work, double seconds) {
  spent_[model] += std::max(seconds, 1e-9) / (1 + std::log2(1 + static_cast<double>(work)));
}

}  // namespace weir::schedule
