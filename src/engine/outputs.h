#pragma once

#include <span>
#include <vector>

#include "weir/nn/model.h"
#include "weir/work/output.h"

namespace weir::engine {

/// What a head gave, on the host: an Output per line, and an empty one behind them for a row that
/// wants none of its last token.
std::vector<work::Output> outputs_of(const nn::HeadOutput& answers,
                                     std::span<const nn::RowTask> rows);

}  // namespace weir::engine
