#include "weir/schedule/policy.h"

#include <algorithm>

namespace weir::schedule {

uint32_t PriorityPolicy::prompt_tokens(uint32_t budget, uint32_t decodes) const {
  if (decodes == 0) return budget;
  return decodes < budget ? std::min(chunk_, budget - decodes) : 0;
}

}  // namespace weir::schedule
