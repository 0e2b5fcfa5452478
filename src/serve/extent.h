#pragma once

#include <cstdint>
#include <span>

#include "admission.h"
#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"

namespace weir::serve {

/// The extent of these inputs, if at most `most` tokens of each are kept.
Extent extent_of(const ModelCard& model, std::span<const Input> inputs, int64_t most);

}  // namespace weir::serve
