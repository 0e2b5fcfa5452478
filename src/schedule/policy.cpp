#include "weir/schedule/policy.h"

#include "schedule/prompt_work.h"

namespace weir::schedule {

double PriorityPolicy::prompt_room(uint32_t budget, uint32_t decodes) const {
  if (decodes == 0) return budget;
  return decodes < budget ? std::min(chunk_beside(options_, decodes), budget - decodes) : 0;
}

}  // namespace weir::schedule
