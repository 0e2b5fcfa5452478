#include "engine/outputs.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

namespace weir::engine {
namespace {

Error gives(const std::string& what, const std::string& where) {
  return Error{.code = Code::internal,
               .message = "the model gives " + what + ": " + where,
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
  if (id < 0) return gives("NaN", "its logits hold no number to draw a token from");
  work::Token token{id};
  if (logprobs) token.logprobs = logprobs_of(answers, line, *logprobs);
  return token;
}

/// Where a line's row puts an error: whatever other heads gave for it is of no use then.
bool failed(const work::Output& output) { return std::holds_alternative<Error>(output); }

/// What is wrong with the first of `numbers` that is no number; nothing where all are.
std::optional<Error> check_finite(std::span<const float> numbers) {
  const auto wrong =
      std::find_if_not(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); });
  if (wrong == numbers.end()) return std::nullopt;
  return gives(std::isnan(*wrong) ? "NaN" : "an infinite number",
               "number " + std::to_string(wrong - numbers.begin()) + " of " +
                   std::to_string(numbers.size()));
}

/// One head's part of a row's Readings: `lines` lines from `first` on.
void put_numbers(const nn::HeadOutput& answers, int64_t first, uint32_t lines,
                 const StepTasks::Place& place, work::Output& output) {
  if (failed(output)) return;
  if (!std::holds_alternative<work::Readings>(output)) {
    work::Readings readings;
    readings.heads.resize(place.parts);
    output = std::move(readings);
  }
  if (lines == 0) return;
  const int64_t columns = answers.numbers.size(1);
  const std::span<const float> numbers(answers.numbers.const_data_ptr<float>() + first * columns,
                                       static_cast<size_t>(columns) * lines);
  if (auto wrong = check_finite(numbers)) {
    output = *std::move(wrong);
    return;
  }
  std::get<work::Readings>(output).heads[place.part] = {.columns = static_cast<uint32_t>(columns),
                                                        .values = {numbers.begin(), numbers.end()}};
}

/// What one head gave to all rows that ask it.
void put_all(const nn::HeadOutput& answers, const StepTasks::Asked& asked,
             std::span<work::Output> outputs) {
  int64_t line = 0;
  for (size_t i = 0; i < asked.tasks.size(); ++i) {
    const nn::RowTask& task = asked.tasks[i];
    const StepTasks::Place& place = asked.places[i];
    if (task.read) {
      if (task.wants_output) put_numbers(answers, line, task.lines(), place, outputs[place.output]);
      line += task.lines();
      continue;
    }
    const size_t scored = task.scored.size();
    for (size_t k = 0; k < task.lines(); ++k)
      outputs[place.output + k] = token_output(
          answers, line++, k < scored ? task.sampling->prompt_logprobs : task.sampling->logprobs);
  }
}

}  // namespace

std::vector<work::Output> outputs_of(std::span<const nn::HeadOutput> answers,
                                     const StepTasks& tasks) {
  std::vector<work::Output> outputs(tasks.outputs());
  for (size_t i = 0; i < answers.size(); ++i) put_all(answers[i], tasks.heads()[i], outputs);
  return outputs;
}

}  // namespace weir::engine
