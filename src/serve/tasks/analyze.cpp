#include <utility>

#include "serve/context_length.h"
#include "serve/extent.h"
#include "serve/prompts.h"
#include "serve/task.h"
#include "serve/tasks/classify.h"
#include "serve/tasks/embed.h"
#include "serve/tasks/tag.h"
#include "weir/base/error_name.h"

namespace weir::serve {
namespace {

const Analyze& options_of(const Ask& ask) { return std::get<Analyze>(ask.options); }

Tasks needs(const Options& options) {
  const auto& asked = std::get<Analyze>(options);
  Tasks tasks;
  if (asked.embed) tasks.add(HeadTask::embed);
  if (asked.classify) tasks.add(HeadTask::classify);
  if (asked.tag) tasks.add(HeadTask::tag);
  return tasks;
}

Extent extent(const ModelCard& model, const Ask& ask) {
  return extent_of(model, ask.inputs, model.max_model_len);
}

/// Checks that the tasks can share one reading of an input.
Result<void> check(const ModelCard& model, const Analyze& asked) {
  if (needs(asked).empty())
    return invalid("tasks names none of embed, classify, tag", "tasks", error_name::kInvalidValue);
  if (!asked.embed) return {};
  if (!model.text.prompt.text.empty())
    return invalid(
        "this model puts a prompt before texts to embed, which the other tasks do not "
        "read: ask /v1/embeddings for vectors",
        "tasks.embed", error_name::kUnsupportedValue);
  auto checked = check_dimensions(model, *asked.embed);
  if (!checked) checked.error().param = "tasks.embed." + checked.error().param;
  return checked;
}

/// One row, read once for all tasks.
Result<RequestRow> row_to_tag(const ModelCard& model, const Ask& ask, size_t index,
                              StillWanted& wanted) {
  const bool truncate = options_of(ask).truncate;
  const std::string name = field_of(ask, index);
  auto read = windows_to_tag(model, wanted,
                             {.input = ask.inputs[index], .name = name, .truncate = truncate});
  if (!read) return read.error();
  if (read->windows.size() > 1)
    return context_exceeded(model.max_model_len,
                            fmt::format("However, {} has more; \"truncate\": true cuts it, and "
                                        "/v1/tag reads it in windows.",
                                        name),
                            name);
  return std::move(rows_to_tag(model, *std::move(read), index).front());
}

Result<RequestRow> row_of(const ModelCard& model, const Ask& ask, size_t index,
                          StillWanted& wanted) {
  if (auto still = wanted.check(); !still) return still.error();
  if (options_of(ask).tag) return row_to_tag(model, ask, index, wanted);
  const Truncation truncation{.truncate = options_of(ask).truncate};
  auto typed = tokens_to_read(
      model, {.input = ask.inputs[index], .truncation = truncation, .name = field_of(ask, index)});
  if (!typed) return typed.error();
  return RequestRow{.prompt = std::move(typed->ids),
                    .types = std::move(typed->types),
                    .params = work::Reads{},
                    .input = static_cast<uint32_t>(index)};
}

Result<std::vector<RequestRow>> rows(const ReadyModel& model, const Ask& ask, StillWanted& wanted) {
  const ModelCard& loaded = model.loaded;
  if (ask.inputs.empty()) return invalid("input is empty", "input", error_name::kEmptyArray);
  if (auto checked = check(loaded, options_of(ask)); !checked) return checked.error();
  std::vector<RequestRow> rows;
  for (size_t i = 0; i < ask.inputs.size(); ++i) {
    auto row = row_of(loaded, ask, i, wanted);
    if (!row) return row.error();
    auto& reads = std::get<work::Reads>(row->params);  // of the tagger, if it is asked
    if (options_of(ask).classify) reads.push_back({.head = head_of(loaded, HeadTask::classify)});
    if (options_of(ask).embed) reads.push_back({.head = head_of(loaded, HeadTask::embed)});
    rows.push_back(*std::move(row));
  }
  return rows;
}

bool add_to_key(KeyBytes& key, const KeyParts& parts) {
  const auto& asked = std::get<Analyze>(parts.options);
  const auto add = [&](const Task& task, const auto& options) {
    key.add(uint64_t{options.has_value()});
    if (!options) return;
    const Options one = *options;
    task.add_to_key(key, {.options = one, .inputs = parts.inputs, .rows = parts.rows});
  };
  add(kEmbed, asked.embed);
  add(kClassify, asked.classify);
  add(kTag, asked.tag);
  return true;
}

bool is_of_text(const Ask&) { return false; }

Result<Answer> answer(const ModelCard& model, const Ask& ask, const RequestRow& row,
                      work::Readings readings) {
  const Analyze& asked = options_of(ask);
  Analysis analysis;
  size_t at = 0;
  if (asked.tag) {
    const std::span<const work::Numbers> numbers(&readings.heads.at(at++), 1);
    auto spans =
        spans_from(model, ask.inputs[row.input], *row.tagged, numbers, asked.tag->aggregation);
    if (!spans) return spans.error();
    analysis.spans = *std::move(spans);
  }
  if (asked.classify)
    analysis.labels = labels_of(readings.heads.at(at++),
                                model.heads[head_of(model, HeadTask::classify)], *asked.classify);
  if (asked.embed) {
    auto vector = vector_of(std::move(readings.heads.at(at++)), *asked.embed);
    if (!vector) return vector.error();
    analysis.vector = *std::move(vector);
  }
  return Answer(std::move(analysis));
}

Result<Answers> answers(const ModelCard& model, const Ask& ask, std::span<const RequestRow> rows,
                        std::vector<work::Readings> readings) {
  Answers answers;
  for (size_t i = 0; i < rows.size(); ++i) {
    auto one = answer(model, ask, rows[i], std::move(readings[i]));
    if (!one) return one.error();
    answers.push_back(*std::move(one));
  }
  return answers;
}

}  // namespace

constinit const Task kAnalyze{.name = "analyze",
                              .field = "input",
                              .needs = needs,
                              .extent = extent,
                              .rows = rows,
                              .text = text_of,
                              .add_to_key = add_to_key,
                              .is_of_text = is_of_text,
                              .answers = answers};

}  // namespace weir::serve
