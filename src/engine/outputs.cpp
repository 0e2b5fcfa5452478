#include "engine/outputs.h"

namespace weir::engine {
namespace {

work::Output token_output(int32_t id) {
  if (id >= 0) return work::Token{id};
  return Error{.code = Code::internal,
               .message = "the model's logits hold no number to draw a token from"};
}

}  // namespace

std::vector<work::Output> outputs_of(const at::Tensor& answers, std::span<const nn::RowTask> rows) {
  std::vector<work::Output> outputs(rows.size());
  int64_t line = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].wants_output) continue;
    if (answers.scalar_type() == at::kInt) {
      outputs[i] = token_output(answers.const_data_ptr<int32_t>()[line]);
    } else {
      const float* from = answers.const_data_ptr<float>() + line * answers.size(1);
      outputs[i] = work::Vector{{from, from + answers.size(1)}};
    }
    ++line;
  }
  return outputs;
}

}  // namespace weir::engine
