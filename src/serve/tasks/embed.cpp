#include "serve/tasks/embed.h"

#include <cmath>
#include <string>
#include <utility>

#include "serve/extent.h"
#include "serve/prompts.h"
#include "serve/task.h"
#include "weir/base/error_name.h"

namespace weir::serve {
namespace {

const Embed& options_of(const Ask& ask) { return std::get<Embed>(ask.options); }

Error wrong_dimensions(uint32_t asked, size_t size) {
  return invalid("dimensions is " + std::to_string(asked) + "; this model's vectors have " +
                     std::to_string(size),
                 "dimensions",
                 asked == 0 ? error_name::kIntegerBelowMin : error_name::kIntegerAboveMax);
}

Tasks needs(const Options&) { return {HeadTask::embed}; }

Extent extent(const ModelCard& model, const Ask& ask) {
  return extent_of(model, ask.inputs,
                   options_of(ask).truncation.tokens.value_or(model.max_model_len));
}

Result<std::vector<RequestRow>> rows(const ReadyModel& model, const Ask& ask, StillWanted& wanted) {
  const ModelCard& loaded = model.loaded;
  if (auto checked = check_dimensions(loaded, options_of(ask)); !checked) return checked.error();
  return rows_to_read(loaded, ask, wanted,
                      {.head = head_of(loaded, HeadTask::embed),
                       .truncation = options_of(ask).truncation,
                       .prefix = loaded.text.prompt.text,
                       .left_out = loaded.text.prompt.left_out});
}

Result<Text> text(const ReadyModel& model, const Input& input) {
  auto text = text_of(model, input);
  if (text && std::holds_alternative<Text>(input))
    text->text.insert(0, model.loaded.text.prompt.text);
  return text;
}

bool add_to_key(KeyBytes& key, const KeyParts& parts) {
  key.add_optional(std::get<Embed>(parts.options).dimensions);
  return true;
}

// Vectors of two models cannot be compared.
bool is_of_text(const Ask&) { return false; }

Result<Answers> answers(const ModelCard&, const Ask& ask, std::span<const RequestRow>,
                        std::vector<work::Readings> readings) {
  Answers answers;
  for (work::Readings& each : readings) {
    auto vector = vector_of(only_numbers(std::move(each)), options_of(ask));
    if (!vector) return vector.error();
    answers.emplace_back(*std::move(vector));
  }
  return answers;
}

}  // namespace

Result<void> check_dimensions(const ModelCard& model, const Embed& asked) {
  const uint32_t size = model.text.vector_size;
  if (!asked.dimensions) return {};
  if (*asked.dimensions > 0 && (size == 0 || *asked.dimensions <= size)) return {};
  return wrong_dimensions(*asked.dimensions, size);
}

Result<Vector> vector_of(work::Numbers numbers, const Embed& asked) {
  Vector vector = std::move(numbers.values);
  if (!asked.dimensions) return vector;
  if (*asked.dimensions == 0 || *asked.dimensions > vector.size())
    return wrong_dimensions(*asked.dimensions, vector.size());
  vector.resize(*asked.dimensions);
  double squares = 0;
  for (float value : vector) squares += double{value} * value;
  if (squares > 0)
    for (float& value : vector) value = static_cast<float>(value / std::sqrt(squares));
  return vector;
}

constinit const Task kEmbed{.name = "embed",
                            .field = "input",
                            .needs = needs,
                            .extent = extent,
                            .rows = rows,
                            .text = text,
                            .add_to_key = add_to_key,
                            .is_of_text = is_of_text,
                            .answers = answers};

}  // namespace weir::serve
