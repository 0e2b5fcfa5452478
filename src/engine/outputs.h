#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "weir/nn/model.h"
#include "weir/work/output.h"

namespace weir::engine {

/// What a head gave, as one Output per row. `answers`: on the host, (n) int32 or (n, dimensions)
/// float32, a line per row that wanted one.
std::vector<work::Output> outputs_of(const at::Tensor& answers, std::span<const nn::RowTask> rows);

}  // namespace weir::engine
