#include "serve/tasks/tag.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "serve/context_length.h"
#include "serve/empty_input.h"
#include "serve/extent.h"
#include "serve/prompts.h"
#include "serve/task.h"
#include "serve/tasks/spans_of_text.h"
#include "serve/text_bounds.h"
#include "weir/base/error_name.h"

namespace weir::serve {
namespace {

constexpr size_t kMostRows = 4096;  // of one request

const Tag& options_of(const Ask& ask) { return std::get<Tag>(ask.options); }

const folder::HeadCard& card_of(const ModelCard& model) {
  return model.heads[head_of(model, HeadTask::tag)];
}

Tasks needs(const Options&) { return {HeadTask::tag}; }

/// The most tokens of one input. A text in windows has fewer, since windows overlap.
size_t most_tokens(const ModelCard& model, bool truncate) {
  return size_t{model.max_model_len} * (truncate ? 1 : kMostWindows);
}

Extent extent(const ModelCard& model, const Ask& ask) {
  return extent_of(model, ask.inputs,
                   static_cast<int64_t>(most_tokens(model, options_of(ask).truncate)));
}

Error too_long(const ModelCard& model, const std::string& name) {
  return context_exceeded(
      model.max_model_len,
      fmt::format("However, {} has more tokens than the {} windows of so many that are read of one "
                  "input.",
                  name, kMostWindows),
      name);
}

Result<std::vector<RequestRow>> rows(const ReadyModel& model, const Ask& ask, StillWanted& wanted) {
  if (ask.inputs.empty()) return invalid("input is empty", "input", error_name::kEmptyArray);
  std::vector<RequestRow> rows;
  for (size_t i = 0; i < ask.inputs.size(); ++i) {
    auto windows = windows_to_tag(
        model.loaded, wanted,
        {.input = ask.inputs[i], .name = field_of(ask, i), .truncate = options_of(ask).truncate});
    if (!windows) return windows.error();
    if (rows.size() + windows->windows.size() > kMostRows)
      return invalid(fmt::format("the inputs are read in more than {} windows in all", kMostRows),
                     "input", error_name::kArrayAboveMax);
    for (RequestRow& row : rows_to_tag(model.loaded, *std::move(windows), i))
      rows.push_back(std::move(row));
  }
  return rows;
}

/// Adds the text too: spans hold parts of it, and two texts may have the same tokens.
bool add_to_key(KeyBytes& key, const KeyParts& parts) {
  key.add(static_cast<uint64_t>(std::get<Tag>(parts.options).aggregation));
  for (const Input& input : parts.inputs) key.add(std::get<Text>(input).text);
  return true;
}

bool is_of_text(const Ask&) { return false; }

Result<Answers> answers(const ModelCard& model, const Ask& ask, std::span<const RequestRow> rows,
                        std::vector<work::Readings> readings) {
  Answers answers;
  for (size_t row = 0; row < rows.size();) {
    const TaggedInput& tagged = *rows[row].tagged;
    const Input& input = ask.inputs[rows[row].input];
    std::vector<work::Numbers> numbers;
    for (size_t i = 0; i < tagged.windows.size(); ++i)
      numbers.push_back(only_numbers(std::move(readings[row++])));
    auto spans = spans_from(model, input, tagged, numbers, options_of(ask).aggregation);
    if (!spans) return spans.error();
    answers.emplace_back(*std::move(spans));
  }
  return answers;
}

}  // namespace

Result<InputInWindows> windows_to_tag(const ModelCard& model, StillWanted& wanted,
                                      const InputToTag& asked) {
  const std::string& name = asked.name;
  const auto* given = std::get_if<Text>(&asked.input);
  if (!given || given->pair)
    return invalid(name + " is no single text; spans are those of a text", name,
                   error_name::kInvalidType);
  if (given->text.empty()) return no_text(name);
  if (auto still = wanted.check(); !still) return still.error();
  auto part = enough_of(given->text, model, most_tokens(model, asked.truncate) + 1, name);
  if (!part) return part.error();
  if (!asked.truncate && part->size() < given->text.size()) return too_long(model, name);
  if (auto still = wanted.check(); !still) return still.error();
  auto encoding = model.text.tokenizer->encode_places(*part, std::nullopt, given->add_special);
  if (!encoding) {
    encoding.error().param = name;
    return encoding.error();
  }
  if (encoding->ids.empty()) return no_tokens(name);
  if (auto checked = check_tokens(encoding->ids, model, name); !checked) return checked.error();
  InputInWindows read{.units = units_of(*encoding, card_of(model).by_word), .windows = {}};
  if (asked.truncate) {
    auto window = cut_window(*encoding, read.units, model.max_model_len);
    if (!window) return window.error();
    read.windows.push_back(*std::move(window));
    read.units.resize(read.windows.front().units.taken_to);
    return read;
  }
  auto windows = windows_of(*encoding, read.units, model.max_model_len);
  if (!windows) return windows.error();
  if (windows->size() > kMostWindows) return too_long(model, name);
  read.windows = *std::move(windows);
  return read;
}

std::vector<RequestRow> rows_to_tag(const ModelCard& model, InputInWindows read, size_t input) {
  const auto tagged = std::make_shared<TaggedInput>();
  tagged->units = std::move(read.units);
  std::vector<RequestRow> rows;
  for (Window& window : read.windows) {
    tagged->windows.push_back(window.units);
    work::Read asked{.head = head_of(model, HeadTask::tag), .tokens = std::move(window.reads)};
    rows.push_back({.prompt = std::move(window.ids),
                    .types = {},
                    .params = work::Reads{std::move(asked)},
                    .input = static_cast<uint32_t>(input),
                    .tagged = tagged});
  }
  return rows;
}

Result<Spans> spans_from(const ModelCard& model, const Input& input, const TaggedInput& tagged,
                         std::span<const work::Numbers> numbers, Aggregation aggregation) {
  const folder::HeadCard& card = card_of(model);
  const size_t columns = card.labels.size();
  std::vector<std::span<const float>> lines;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i].values.size() != tagged.windows[i].count * columns)
      return Error{.code = Code::internal, .message = "the tagger gave another number of lines"};
    lines.emplace_back(numbers[i].values);
  }
  const std::vector<float> merged = merge_windows(tagged.windows, lines, columns);
  Spans spans = spans_of_text(std::get<Text>(input).text,
                              {.units = tagged.units, .numbers = merged}, card, aggregation);
  const auto wrong = [](const Span& span) { return !std::isfinite(span.score); };
  if (std::any_of(spans.begin(), spans.end(), wrong))
    return Error{.code = Code::internal,
                 .message = "the model gives NaN: the score of a span is no number",
                 .name = "model_gives_nan"};
  return spans;
}

constinit const Task kTag{.name = "tag",
                          .field = "input",
                          .needs = needs,
                          .extent = extent,
                          .rows = rows,
                          .text = text_of,
                          .add_to_key = add_to_key,
                          .is_of_text = is_of_text,
                          .answers = answers};

}  // namespace weir::serve
