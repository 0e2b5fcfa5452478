#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weir/nn/model.h"

namespace weir::nn {

/// Indices in the step of the tokens that `tasks` name, in their order: a line of the head's
/// answers for each.
std::vector<int32_t> named_tokens(const Inputs& inputs, std::span<const RowTask> tasks);

/// Where the lines of each task begin among those tokens: (tasks + 1), counted as lines() does.
std::vector<int32_t> line_begins(std::span<const RowTask> tasks);

/// The first token of each row that wants an answer.
std::vector<int32_t> first_tokens(const Inputs& inputs, std::span<const RowTask> tasks);

}  // namespace weir::nn
