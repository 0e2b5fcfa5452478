#include "serve/tasks/classify.h"

#include <utility>

#include "serve/extent.h"
#include "serve/prompts.h"
#include "serve/task.h"
#include "serve/tasks/scores.h"

namespace weir::serve {
namespace {

const Classify& options_of(const Ask& ask) { return std::get<Classify>(ask.options); }

Tasks needs(const Options&) { return {HeadTask::classify}; }

Extent extent(const ModelCard& model, const Ask& ask) {
  return extent_of(model, ask.inputs,
                   options_of(ask).truncation.tokens.value_or(model.max_model_len));
}

Result<std::vector<RequestRow>> rows(const ReadyModel& model, const Ask& ask, StillWanted& wanted) {
  return rows_to_read(model.loaded, ask, wanted,
                      {.head = head_of(model.loaded, HeadTask::classify),
                       .truncation = options_of(ask).truncation});
}

bool add_to_key(KeyBytes& key, const KeyParts& parts) {
  const auto& asked = std::get<Classify>(parts.options);
  key.add_optional(asked.top_k);
  key.add(uint64_t{asked.raw_scores});
  return true;
}

// Two models have different labels.
bool is_of_text(const Ask&) { return false; }

Result<Answers> answers(const ModelCard& model, const Ask& ask, std::span<const RequestRow>,
                        std::vector<work::Readings> readings) {
  const folder::HeadCard& card = model.heads[head_of(model, HeadTask::classify)];
  Answers answers;
  for (work::Readings& each : readings)
    answers.emplace_back(labels_of(only_numbers(std::move(each)), card, options_of(ask)));
  return answers;
}

}  // namespace

ScoredLabels labels_of(const work::Numbers& numbers, const folder::HeadCard& card,
                       const Classify& asked) {
  const auto kind = asked.raw_scores ? folder::HeadCard::Scores::number : card.scores;
  const std::vector<double> scores = scores_of(kind, numbers.values);
  ScoredLabels labels;
  for (const RankedLabel& ranked : top_labels(scores, asked.top_k.value_or(scores.size())))
    labels.push_back({.name = ranked.label < card.labels.size()
                                  ? card.labels[ranked.label]
                                  : "LABEL_" + std::to_string(ranked.label),
                      .score = ranked.score});
  return labels;
}

constinit const Task kClassify{.name = "classify",
                               .field = "input",
                               .needs = needs,
                               .extent = extent,
                               .rows = rows,
                               .text = text_of,
                               .add_to_key = add_to_key,
                               .is_of_text = is_of_text,
                               .answers = answers};

}  // namespace weir::serve
