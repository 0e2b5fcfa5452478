#pragma once

#include "weir/base/result.h"
#include "weir/schedule/plan.h"
#include "weir/work/request.h"

namespace weir::schedule {

/// Can a model with this spec take `request` at all? Errors: invalid_argument.
Result<void> check_request(const ModelSpec& spec, const work::Request& request);

}  // namespace weir::schedule
