#include "nn/heads/read_tokens.h"

namespace weir::nn {

std::vector<int32_t> named_tokens(const Inputs& inputs, std::span<const RowTask> tasks) {
  std::vector<int32_t> tokens;
  for (const RowTask& task : tasks) {
    if (!task.wants_output) continue;
    const int32_t begin = inputs.ragged.q_begin_host[task.row];
    for (const uint32_t token : *task.read->tokens)
      tokens.push_back(begin + static_cast<int32_t>(token));
  }
  return tokens;
}

std::vector<int32_t> line_begins(std::span<const RowTask> tasks) {
  std::vector<int32_t> begins{0};
  for (const RowTask& task : tasks)
    begins.push_back(begins.back() + static_cast<int32_t>(task.lines()));
  return begins;
}

std::vector<int32_t> first_tokens(const Inputs& inputs, std::span<const RowTask> tasks) {
  std::vector<int32_t> tokens;
  for (const RowTask& task : tasks)
    if (task.wants_output) tokens.push_back(inputs.ragged.q_begin_host[task.row]);
  return tokens;
}

}  // namespace weir::nn
