#include "engine/outputs.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

namespace weir::engine {
namespace {

Error gives_nan(const std::string& where) {
  return Error{.code = Code::internal,
               .message = "the model gives NaN: " + where,
               .name = "model_gives_nan"};
}

// Also of a model whose logits are all -infinity, which nobody has seen.
Error nothing_to_draw() {
  return Error{.code = Code::invalid_argument,
               .message =
                   "no token is left to draw: allowed_token_ids, bad_words, logit_bias and "
                   "min_tokens leave none"};
}

/// How many of the most likely tokens a line's row asks for; none: no logprobs.
using Asked = std::optional<uint32_t>;

work::Logprobs logprobs_of(const nn::HeadOutput& answers, int64_t line, uint32_t most) {
  work::Logprobs told{.own = answers.logprobs.const_data_ptr<float>()[line],
                      .rank = answers.ranks.const_data_ptr<int32_t>()[line]};
  if (most == 0) return told;  // perhaps no line has more
  const int64_t columns = answers.top_ids.size(1);
  const int32_t* ids = answers.top_ids.const_data_ptr<int32_t>() + line * columns;
  const float* logprobs = answers.top_logprobs.const_data_ptr<float>() + line * columns;
  for (int64_t i = 0; i < std::min<int64_t>(most, columns); ++i)
    told.top.emplace_back(ids[i], logprobs[i]);
  return told;
}

work::Output token_output(const nn::HeadOutput& answers, int64_t line, Asked logprobs) {
  const int32_t id = answers.ids.const_data_ptr<int32_t>()[line];
  if (id == kernels::kNothingToDraw) return nothing_to_draw();
  if (id < 0) return gives_nan("its logits hold no number to draw a token from");
  work::Token token{id};
  if (logprobs) token.logprobs = logprobs_of(answers, line, *logprobs);
  return token;
}

work::Output vector_output(std::span<const float> numbers) {
  const auto wrong =
      std::find_if_not(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
  if (wrong == numbers.end()) return work::Vector{{numbers.begin(), numbers.end()}};
  return gives_nan("number " + std::to_string(wrong - numbers.begin()) + " of " +
                   std::to_string(numbers.size()) + " of its vector is " +
                   (std::isnan(*wrong) ? "NaN" : "infinite"));
}

work::Output output_of(const nn::HeadOutput& answers, int64_t line, Asked logprobs) {
  if (answers.ids.defined()) return token_output(answers, line, logprobs);
  const auto size = static_cast<size_t>(answers.vectors.size(1));
  return vector_output(
      {answers.vectors.const_data_ptr<float>() + line * answers.vectors.size(1), size});
}

}  // namespace

std::vector<work::Output> outputs_of(const nn::HeadOutput& answers,
                                     std::span<const nn::RowTask> rows) {
  std::vector<work::Output> outputs;
  int64_t line = 0;
  for (const nn::RowTask& row : rows) {
    const auto* sampling = std::get_if<work::SamplingParams>(row.params);
    const auto add = [&](size_t lines, Asked logprobs) {
      for (size_t i = 0; i < lines; ++i) outputs.push_back(output_of(answers, line++, logprobs));
    };
    add(row.scored.size(), sampling ? sampling->prompt_logprobs : Asked());
    add(row.draws(), sampling ? sampling->logprobs : Asked());
    if (row.draws() == 0) outputs.emplace_back();
  }
  return outputs;
}

}  // namespace weir::engine
