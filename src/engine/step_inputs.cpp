#include "engine/step_inputs.h"

namespace weir::engine {

void StepInputs::fill(const schedule::StepPlan& plan) {
  for (auto* list : {&ids, &positions, &q_begin, &kv_length, &page_begin, &page_ids, &page_copies})
    list->clear();
  tasks.clear();
  outputs = 0;
  q_begin.push_back(0);
  page_begin.push_back(0);
  for (const schedule::Row& row : plan.rows) {
    size_t count = row.tokens.empty() ? 1 : row.tokens.size();
    if (row.tokens.empty()) {
      ids.push_back(-1);
    } else {
      ids.insert(ids.end(), row.tokens.begin(), row.tokens.end());
    }
    for (size_t i = 0; i < count; ++i) positions.push_back(static_cast<int32_t>(row.first + i));
    q_begin.push_back(static_cast<int32_t>(ids.size()));
    kv_length.push_back(static_cast<int32_t>(row.first + count));
    page_ids.insert(page_ids.end(), row.pages.begin(), row.pages.end());
    page_begin.push_back(static_cast<int32_t>(page_ids.size()));
    tasks.push_back({.params = row.params,
                     .drawn = row.drawn,
                     .wants_output = row.wants_output,
                     .guesses = row.tokens.last(row.drafts),
                     .text = row.text,
                     .prompt_tokens = row.prompt_tokens,
                     .scored = row.scored,
                     .score_from = row.score_from});
    outputs += tasks.back().lines();
  }
  for (const schedule::PageCopy& copy : plan.copies)
    page_copies.insert(page_copies.end(), {copy.from, copy.to});
}

kernels::Ragged StepInputs::ragged() const {
  kernels::Ragged view;
  view.rows = static_cast<int32_t>(kv_length.size());
  view.tokens = static_cast<int32_t>(ids.size());
  view.q_begin = view.q_begin_host = q_begin.data();
  view.kv_length = view.kv_length_host = kv_length.data();
  view.page_begin = view.page_begin_host = page_begin.data();
  view.page_ids = page_ids.data();
  view.positions = positions.data();
  return view;
}

}  // namespace weir::engine
