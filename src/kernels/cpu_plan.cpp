#include "kernels/cpu_plan.h"

#include <algorithm>

namespace weir::kernels {
namespace {

// Multiply-adds that one thread does in about the time of a hand-over.
constexpr int64_t kInlineWork = 200'000;
constexpr int kTilesPerThread = 4;
constexpr size_t kMostChunks = 32'768;

int64_t cost(const AttentionTile& tile) {
  const int64_t keys = std::min(tile.range_end * kKeyRange, tile.end_seen()) -
                       std::max(tile.range_begin * kKeyRange, tile.first_seen(0));
  // Reading a key costs about as much as its products with four rows.
  return keys * (4 + int64_t{tile.queries} * tile.heads);
}

const void* advance(const void* data, DType type, int64_t elements) {
  return static_cast<const char*>(data) + elements * static_cast<int64_t>(size_of(type));
}

// Numbers of the states of all ranges of a tile.
int64_t state_numbers(const AttentionTile& tile) {
  return int64_t{tile.range_end - tile.range_begin} * tile.queries * tile.heads *
         attention_state_size(tile.head_dim);
}

// How many tiles a thread takes at a time: the more, the fewer begin with keys that nobody asked
// for.
size_t tiles_a_chunk(size_t tiles, int threads) {
  const size_t shares = size_t{8} * static_cast<size_t>(threads);
  const size_t most = tiles < shares ? 1 : std::max<size_t>(2, tiles / shares);
  return std::max(most, (tiles + kMostChunks - 1) / kMostChunks);
}

}  // namespace

void AttentionPlan::clear() {
  tiles_.clear();
  merges_.clear();
  work_ = 0;
}

void AttentionPlan::add(const AttentionTile& whole) {
  if (whole.queries > 0 && whole.queries * int64_t{whole.heads} <= kTileRows)
    return add_tile(whole);
  for (int head = 0; head < whole.heads; head += kTileRows) {
    AttentionTile part = whole;
    part.heads = std::min(kTileRows, whole.heads - head);
    part.q = advance(whole.q, whole.type, int64_t{head} * whole.head_dim);
    part.out = const_cast<void*>(advance(whole.out, whole.type, int64_t{head} * whole.head_dim));
    part.attention.bias = bias_from(whole.attention.bias, head);
    const int queries = kTileRows / part.heads;
    for (int first = 0; first < whole.queries; first += queries) {
      AttentionTile tile = part;
      tile.queries = std::min(queries, whole.queries - first);
      tile.position = whole.position + first;
      tile.q = advance(part.q, whole.type, first * whole.q_stride);
      tile.out = const_cast<void*>(advance(part.out, whole.type, first * whole.out_stride));
      add_tile(tile);
    }
  }
}

void AttentionPlan::add_tile(const AttentionTile& whole) {
  AttentionTile& tile = tiles_.emplace_back(whole);
  const int64_t keys = tile.end_seen() - tile.first_seen(0);
  tile.range_begin = tile.first_range();
  tile.range_end = tile.last_range();
  work_ += keys * tile.queries * tile.heads * tile.head_dim;
}

// With fewer tiles than the threads need to share evenly, long ones are cut by ranges of keys.
void AttentionPlan::split_ranges(int threads) {
  const size_t wanted = static_cast<size_t>(kTilesPerThread * threads);
  if (tiles_.size() >= wanted) return;
  const int pieces = static_cast<int>((wanted + tiles_.size() - 1) / tiles_.size());
  int64_t numbers = 0;
  for (const AttentionTile& tile : tiles_) numbers += state_numbers(tile);
  if (static_cast<int64_t>(states_.size()) < numbers) states_.resize(static_cast<size_t>(numbers));
  float* states = states_.data();
  std::vector<AttentionTile> cut;
  for (AttentionTile& tile : tiles_) {
    const int first = tile.range_begin, ranges = tile.range_end - first;
    const int parts = std::min(pieces, ranges);
    if (parts == 1) {
      cut.push_back(tile);
      continue;
    }
    tile.states = states;
    states += state_numbers(tile);
    merges_.push_back(tile);
    for (int part = 0; part < parts; ++part) {
      tile.range_begin = first + ranges * part / parts;
      tile.range_end = first + ranges * (part + 1) / parts;
      cut.push_back(tile);
    }
  }
  tiles_.swap(cut);
}

void AttentionPlan::run(ThreadPool& pool, const AttentionKernels& kernels) {
  if (pool.threads() == 1 || work_ < kInlineWork) {
    if (!tiles_.empty()) kernels.run(tiles_);
    return;
  }
  split_ranges(pool.threads());
  std::stable_sort(
      tiles_.begin(), tiles_.end(),
      [](const AttentionTile& a, const AttentionTile& b) { return cost(a) > cost(b); });
  const std::span<const AttentionTile> tiles(tiles_);
  const size_t each = tiles_a_chunk(tiles.size(), pool.threads());
  pool.run(static_cast<int>((tiles.size() + each - 1) / each), [&](int chunk) {
    const size_t first = static_cast<size_t>(chunk) * each;
    kernels.run(tiles.subspan(first, std::min(each, tiles.size() - first)));
  });
  for (const AttentionTile& tile : merges_) kernels.merge(tile);
}

}  // namespace weir::kernels
