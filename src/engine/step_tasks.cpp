#include "engine/step_tasks.h"

#include <algorithm>
#include <utility>

namespace weir::engine {
namespace {

/// Ascending lists into one; a list that stands alone is moved.
void unite(std::vector<int32_t>& all, std::vector<int32_t> more) {
  if (all.empty()) {
    all = std::move(more);
  } else if (!more.empty() && all != more) {
    std::vector<int32_t> both;
    both.reserve(all.size() + more.size());
    std::ranges::set_union(all, more, std::back_inserter(both));
    all = std::move(both);
  }
}

}  // namespace

void StepTasks::clear(size_t heads) {
  heads_.resize(heads);
  for (Asked& head : heads_) {
    head.tasks.clear();
    head.places.clear();
    head.lines = 0;
  }
  rows_ = outputs_ = 0;
}

void StepTasks::add(const schedule::Row& row) {
  const uint32_t output = outputs_;
  nn::RowTask task{.row = rows_++, .wants_output = row.wants_output};
  outputs_ += static_cast<uint32_t>(row.scored.size()) + 1 + row.drafts;
  if (const auto* reads = std::get_if<work::Reads>(row.params)) {
    const auto parts = static_cast<uint32_t>(reads->size());
    for (uint32_t i = 0; i < parts; ++i) {
      task.read = &(*reads)[i];
      put(task.read->head, task, {.output = output, .part = i, .parts = parts});
    }
    return;
  }
  task.sampling = &std::get<work::SamplingParams>(*row.params);
  task.drawn = row.drawn;
  task.guesses = row.tokens.last(row.drafts);
  task.text = row.text;
  task.prompt_tokens = row.prompt_tokens;
  task.scored = row.scored;
  task.score_from = row.score_from;
  put(0, task, {.output = output});
}

void StepTasks::put(uint32_t head, nn::RowTask task, Place place) {
  Asked& asked = heads_.at(head);
  asked.lines += task.lines();
  asked.tasks.push_back(task);
  asked.places.push_back(place);
}

TrunkReads reads_of(const nn::Model& model, const nn::Inputs& inputs, const StepTasks& tasks) {
  TrunkReads all{.last = std::vector<int32_t>(), .inner = {}};
  for (size_t i = 0; i < model.heads.size(); ++i) {
    const nn::Head& head = *model.heads[i].head;
    const StepTasks::Asked& asked = tasks.heads()[i];
    if (asked.lines == 0) continue;
    auto tokens = head.reads(inputs, asked.tasks);
    if (head.reads_layers()) {
      unite(all.inner, *std::move(tokens));
    } else if (!tokens) {
      all.last.reset();
    } else if (all.last) {
      unite(*all.last, *std::move(tokens));
    }
  }
  return all;
}

}  // namespace weir::engine
