#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "weir/nn/model.h"
#include "weir/work/output.h"

namespace weir::engine {

/// What a head gave: an Output per line, and an empty one for a row without. `answers`: on the
/// host, (n) int32 or (n, dimensions) float32, so many lines per row as it has lines().
std::vector<work::Output> outputs_of(const at::Tensor& answers, std::span<const nn::RowTask> rows);

}  // namespace weir::engine
