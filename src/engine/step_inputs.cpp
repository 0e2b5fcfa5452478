#include "engine/step_inputs.h"

#include <algorithm>

namespace weir::engine {

void StepInputs::fill(const schedule::StepPlan& plan, size_t heads) {
  for (auto* lists : {&own, &encode, &sources}) lists->clear();
  for (auto* list : {&slots, &page_copies, &types}) list->clear();
  tasks.clear(heads);
  for (const schedule::Row& row : plan.rows) add(row);
  if (!types.empty()) types.resize(own.ids.size(), 0);
  for (const schedule::PageCopy& copy : plan.copies)
    page_copies.insert(page_copies.end(), {copy.from, copy.to});
}

void StepInputs::add(const schedule::Row& row) {
  own.add_tokens(row.tokens, row.first);
  own.add_keys(row.first + static_cast<uint32_t>(std::max<size_t>(row.tokens.size(), 1)),
               row.pages);
  if (row.source_tokens > 0) {
    sources.q_begin.push_back(own.q_begin.back());
    sources.add_keys(row.source_tokens, row.source_pages);
  }
  if (!row.source.empty()) {
    encode.add_tokens(row.source, 0);
    encode.add_keys(row.source_tokens, row.source_pages);
  }
  slots.push_back(row.slot);
  if (!row.types.empty()) add_types(row.types);
  tasks.add(row);
}

/// Of the row whose tokens are the last of `ids`. What comes before them without types, and what is
/// behind their types, is of type 0.
void StepInputs::add_types(std::span<const uint8_t> of_row) {
  types.resize(static_cast<size_t>(own.q_begin[own.q_begin.size() - 2]), 0);
  types.insert(types.end(), of_row.begin(), of_row.end());
}

nn::Inputs StepInputs::inputs() const {
  return {.ids = own.ids.data(),
          .ragged = own.view(),
          .types = types.empty() ? nullptr : types.data(),
          .encode = {.ids = encode.ids.data(), .ragged = encode.view()},
          .sources = sources.view(),
          .slots = slots};
}

}  // namespace weir::engine
