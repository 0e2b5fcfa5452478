#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weir/kernels/view.h"
#include "weir/schedule/plan.h"

namespace weir::engine {

/// The numbers of a kernels::Ragged on the host, and the ids of its tokens. Reused from step to
/// step.
struct RaggedLists {
  std::vector<int32_t> ids;         // (tokens); -1: the row's last sampled, still on the device
  std::vector<int32_t> positions;   // (tokens)
  std::vector<int32_t> q_begin;     // (rows + 1)
  std::vector<int32_t> kv_length;   // (rows)
  std::vector<int32_t> page_begin;  // (rows + 1)
  std::vector<int32_t> page_ids;

  void clear();
  /// One more row, whose tokens stand at `first` and after; empty: one token that is on the device.
  void add_tokens(std::span<const int32_t> tokens, uint32_t first);
  /// The keys that the row sees, and their pages.
  void add_keys(uint32_t keys, std::span<const schedule::PageId> pages);
  size_t rows() const { return kv_length.size(); }
  /// Device and host are the same memory here.
  kernels::Ragged view() const;
};

}  // namespace weir::engine
