#include "engine/outputs.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace weir::engine {
namespace {

Error gives_nan(const std::string& where) {
  return Error{.code = Code::internal,
               .message = "the model gives NaN: " + where,
               .name = "model_gives_nan"};
}

work::Output token_output(int32_t id) {
  if (id >= 0) return work::Token{id};
  return gives_nan("its logits hold no number to draw a token from");
}

work::Output vector_output(std::span<const float> numbers) {
  const auto wrong =
      std::find_if_not(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
  if (wrong == numbers.end()) return work::Vector{{numbers.begin(), numbers.end()}};
  return gives_nan("number " + std::to_string(wrong - numbers.begin()) + " of " +
                   std::to_string(numbers.size()) + " of its vector is " +
                   (std::isnan(*wrong) ? "NaN" : "infinite"));
}

work::Output output_of(const at::Tensor& answers, int64_t line) {
  if (answers.scalar_type() == at::kInt)
    return token_output(answers.const_data_ptr<int32_t>()[line]);
  const auto size = static_cast<size_t>(answers.size(1));
  return vector_output({answers.const_data_ptr<float>() + line * answers.size(1), size});
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
