// Attention on the CPU, cut into tiles: some queries of one sequence and the query heads of one
// key/value head. Keys are taken in blocks of kKeyBlock and ranges of kKeyRange by absolute
// position, each range with an online softmax of its own, and ranges are merged in order. A key
// that a query does not see has weight exactly 0, and a block or a range without a key that it sees
// changes nothing. So a query's result is the same bits however tiles, steps or threads are cut.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "weir/kernels/attention.h"
#include "weir/kernels/head_size.h"
#include "weir/kernels/view.h"

namespace weir::kernels {

constexpr int32_t kKeyBlock = 64;
constexpr int32_t kKeyRange = 512;
constexpr int32_t kTileRows = 96;  // query-head pairs of a tile

/// Where key i of a sequence lies: base + page_ids[i / page_size] * page_stride + (i % page_size) *
/// key_stride, in elements. Without `page_ids` all keys are in page 0. With a `word_stride`, which
/// is a multiple of 16 as page_size then is, that holds for values only: keys lie as key_words.h
/// says, slot i % page_size from the page's base on.
struct KeySource {
  const void* keys = nullptr;
  const void* values = nullptr;
  const int32_t* page_ids = nullptr;
  int64_t page_stride = 0, key_stride = 0;
  int32_t page_size = INT32_MAX, word_stride = 0;
};

/// The bias of the heads from `head` on.
inline DistanceBias bias_from(DistanceBias bias, int32_t head) {
  if (bias.data != nullptr) bias.data += int64_t{head} * (bias.left + 1 + bias.right);
  return bias;
}

struct AttentionTile {
  DType type = DType::float32;  // of q, out, keys and values
  const void* q =
      nullptr;  // first query, first head of the tile; head h is head_dim elements further
  int64_t q_stride = 0;
  void* out = nullptr;
  int64_t out_stride = 0;
  int32_t queries = 0, heads = 0, head_dim = 0;  // queries * heads <= kTileRows
  int32_t position = 0;                          // of the first query
  int32_t keys = 0;                              // of the sequence
  Attention attention;                           // its bias begins with the tile's first head
  int32_t range_begin = 0, range_end = 0;        // the ranges of keys to go through
  KeySource source;
  /// If set, written to their place in the source before the last block of keys is gone through:
  /// the newest of the sequence, seen by one query. No other tile reads that key.
  const void* new_key = nullptr;
  const void* new_value = nullptr;
  /// If set, the softmax state of each range is written here instead of the result: range r of row
  /// i at (((r - first_range()) * queries * heads) + i) * attention_state_size(head_dim).
  float* states = nullptr;

  /// Query i sees the keys [first_seen(i), end_seen(i)), which are not empty. Both rise with i.
  int32_t first_seen(int32_t query) const {
    return attention.window == 0 ? 0 : std::max(0, position + query + 1 - attention.window);
  }
  int32_t end_seen(int32_t query) const {
    if (attention.causal) return position + query + 1;
    if (attention.window == 0) return keys;
    return static_cast<int32_t>(
        std::min<int64_t>(keys, int64_t{position} + query + attention.window));
  }
  int32_t end_seen() const { return end_seen(queries - 1); }
  int32_t first_range() const { return first_seen(0) / kKeyRange; }
  int32_t last_range() const { return (end_seen() + kKeyRange - 1) / kKeyRange; }  // and one
};

/// Numbers of one row's softmax state: greatest score, sum, weighted values.
constexpr int64_t attention_state_size(int32_t head_dim) { return 16 + (head_dim + 15) / 16 * 16; }

struct AttentionKernels {
  /// One after the other: each asks for the first keys of the next, so that they are there.
  void (*run)(std::span<const AttentionTile> tiles);
  /// Merges the states of all ranges of a tile and writes its result.
  void (*merge)(const AttentionTile& tile);
};

}  // namespace weir::kernels
