#pragma once

#include <cstdint>
#include <vector>

#include "admission.h"
#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"

namespace weir::serve {

/// Of these inputs, of each of which no more than `most` tokens are kept.
Extent extent_of(const LoadedModel& model, const std::vector<Input>& inputs, int64_t most);

}  // namespace weir::serve
