#include "engine/ragged_lists.h"

#include <algorithm>

namespace weir::engine {

void RaggedLists::clear() {
  for (auto* list : {&ids, &positions, &q_begin, &kv_length, &page_begin, &page_ids}) list->clear();
  q_begin.push_back(0);
  page_begin.push_back(0);
}

void RaggedLists::add_tokens(std::span<const int32_t> tokens, uint32_t first) {
  const size_t count = std::max<size_t>(tokens.size(), 1);
  if (tokens.empty()) ids.push_back(-1);
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  for (size_t i = 0; i < count; ++i) positions.push_back(static_cast<int32_t>(first + i));
  q_begin.push_back(static_cast<int32_t>(ids.size()));
}

void RaggedLists::add_keys(uint32_t keys, std::span<const schedule::PageId> pages) {
  kv_length.push_back(static_cast<int32_t>(keys));
  page_ids.insert(page_ids.end(), pages.begin(), pages.end());
  page_begin.push_back(static_cast<int32_t>(page_ids.size()));
}

kernels::Ragged RaggedLists::view() const {
  kernels::Ragged view;
  view.rows = static_cast<int32_t>(rows());
  view.tokens = q_begin.back();
  view.q_begin = view.q_begin_host = q_begin.data();
  view.kv_length = view.kv_length_host = kv_length.data();
  view.page_begin = view.page_begin_host = page_begin.data();
  view.page_ids = page_ids.data();
  view.positions = positions.data();
  return view;
}

}  // namespace weir::engine
