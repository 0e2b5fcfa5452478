#include "engine/outputs.h"

namespace weir::engine {
namespace {

work::Output token_output(int32_t id) {
  if (id >= 0) return work::Token{id};
  return Error{.code = Code::internal,
               .message = "the model's logits hold no number to draw a token from"};
}

work::Output output_of(const at::Tensor& answers, int64_t line) {
  if (answers.scalar_type() == at::kInt)
    return token_output(answers.const_data_ptr<int32_t>()[line]);
  const float* from = answers.const_data_ptr<float>() + line * answers.size(1);
  return work::Vector{{from, from + answers.size(1)}};
}

}  // namespace

std::vector<work::Output> outputs_of(const at::Tensor& answers, std::span<const nn::RowTask> rows) {
  std::vector<work::Output> outputs;
  int64_t line = 0;
  for (const nn::RowTask& row : rows) {
    if (row.lines() == 0) outputs.emplace_back();
    for (uint32_t i = 0; i < row.lines(); ++i) outputs.push_back(output_of(answers, line++));
  }
  return outputs;
}

}  // namespace weir::engine
