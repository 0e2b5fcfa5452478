#include "engine/step_inputs.h"

namespace weir::engine {

void StepInputs::fill(const schedule::StepPlan& plan, size_t heads) {
  for (auto* list :
       {&ids, &positions, &q_begin, &kv_length, &page_begin, &page_ids, &page_copies, &types})
    list->clear();
  tasks.clear(heads);
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
    if (!row.types.empty()) add_types(row.types);
    tasks.add(row);
  }
  if (!types.empty()) types.resize(ids.size(), 0);
  for (const schedule::PageCopy& copy : plan.copies)
    page_copies.insert(page_copies.end(), {copy.from, copy.to});
}

/// Of the row whose tokens are the last of `ids`. What comes before them without types, and what is
/// behind their types, is of type 0.
void StepInputs::add_types(std::span<const uint8_t> of_row) {
  types.resize(static_cast<size_t>(q_begin[q_begin.size() - 2]), 0);
  types.insert(types.end(), of_row.begin(), of_row.end());
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
