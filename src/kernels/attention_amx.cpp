// bfloat16 attention by tiles of AMX: sixteen rows by a block of keys at a time. Pages have a key's
// pairs as a tile wants them; values are put into pairs of neighbouring keys once for all rows.
#include <algorithm>

#include "kernels/simd_avx512.h"
// after the vectors it is written in
#include "kernels/simd_math.h"
// after the functions it uses
#include "kernels/attention_impl.h"
// after the tile it takes
#include "kernels/amx_tiles.h"
#include "kernels/attention_amx_few_impl.h"
#include "kernels/cpu_kernels.h"

namespace weir::kernels {
namespace {

static_assert(kMostGroup == kTileRegisterRows && kKeyBlock == 4 * kRegisterWords);

/// Up to sixteen rows of a tile.
struct Group {
  int first_row, rows, keys;  // keys of the block that its last row sees
  int vectors() const { return vectors_of(keys); }
};

struct BlockState {
  Group groups[kTileRows / kMostGroup];
  int count = 0;                                    // of groups that see a key
  alignas(64) float scores[kTileRows * kKeyBlock];  // and weights
  alignas(64) bf16 high[kTileRows * kKeyBlock], low[kTileRows * kKeyBlock];
  alignas(64) float sums[kTileRows * kMaxHeadDim];  // (rows, width): of this block's values
  float correction[kTileRows];
};

// ---- scores: tiles 0 to 3, each of sixteen keys; q is 4, keys are 5 to 7

template <int kVector = 0>
void zero_scores(int vectors) {
  if constexpr (kVector < kKeyVectors) {
    if (kVector >= vectors) return;
    tile_zero<kVector>();
    zero_scores<kVector + 1>(vectors);
  }
}

template <int kVector = 0>
void score_step(const PairTile& t, int vectors, int word, bool asks_ahead) {
  if constexpr (kVector < kKeyVectors) {
    if (kVector >= vectors) return;
    constexpr int kKeys = 5 + kVector % 3;
    const int64_t stride = t.in_words ? t.a.source.word_stride : kKeyBlock;
    const float* keys = t.in_words ? t.now->words[kVector] : t.s.keys + kVector * kLanes;
    tile_load<kKeys>(keys + word * stride, stride * kWordBytes);
    if (t.in_words && asks_ahead)
      for (int w = word; w < word + kRegisterWords; ++w)
        __builtin_prefetch(t.ahead->words[kVector] + w * stride, 0, 2);
    tile_multiply_add<kVector, 4, kKeys>();
    score_step<kVector + 1>(t, vectors, word, asks_ahead);
  }
}

template <int kVector = 0>
void store_scores(float* scores, int vectors) {
  if constexpr (kVector < kKeyVectors) {
    if (kVector >= vectors) return;
    tile_store<kVector>(scores + kVector * kLanes, kKeyBlock * kWordBytes);
    store_scores<kVector + 1>(scores, vectors);
  }
}

void score_group(const PairTile& t, const Group& group, BlockState& b, bool asks_ahead) {
  zero_scores(group.vectors());
  for (int word = 0; word < t.words; word += kRegisterWords) {
    tile_load<4>(t.s.q + group.first_row * t.q_width + word, t.q_width * kWordBytes);
    score_step(t, group.vectors(), word, asks_ahead);
  }
  store_scores(b.scores + group.first_row * kKeyBlock, group.vectors());
}

// ---- values

/// s.values becomes (pairs of keys, width, 2); keys that are not there are zero.
void pair_values(const PairTile& t, int keys) {
  // Unpacking takes the first half of each lane, so the first sixteen go there.
  const __m512i halves = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
  const void* const* next = t.in_words ? t.ahead->values : t.ahead->keys;
  for (int key = 0; key < keys; key += 2) {
    const auto *even = static_cast<const bf16*>(t.now->values[key]),
               *odd = static_cast<const bf16*>(t.now->values[key + 1]);
    prefetch(next[key], t.width * int64_t{sizeof(bf16)});
    prefetch(next[key + 1], t.width * int64_t{sizeof(bf16)});
    float* out = t.s.values + key / 2 * t.width;
    for (int d = 0; d < t.width; d += 2 * kLanes) {
      const __m512i a = _mm512_permutexvar_epi64(halves, _mm512_loadu_si512(even + d));
      const __m512i b = _mm512_permutexvar_epi64(halves, _mm512_loadu_si512(odd + d));
      store(out + d, _mm512_castsi512_ps(_mm512_unpacklo_epi16(a, b)));
      store(out + d + kLanes, _mm512_castsi512_ps(_mm512_unpackhi_epi16(a, b)));
    }
  }
}

// ---- a block

/// What the last tile's keys have beyond `vectors` becomes zero.
void split_weights(const Group& group, BlockState& b) {
  const int vectors = group.vectors();
  for (int r = 0; r < group.rows; ++r)
    for (int v = 0; v < (vectors + 1) / 2 * 2; ++v) {
      const int at = (group.first_row + r) * kKeyBlock + v * kLanes;
      const WeightParts parts = split(v < vectors ? load(b.scores + at) : zero());
      _mm256_store_si256(reinterpret_cast<__m256i*>(b.high + at), parts.high);
      _mm256_store_si256(reinterpret_cast<__m256i*>(b.low + at), parts.low);
    }
}

/// Values of keys that are not seen are multiplied by 0, and taken to be finite.
void weigh_group(const PairTile& t, const Group& group, BlockState& b) {
  constexpr int64_t kStride = kKeyBlock * int64_t{sizeof(bf16)};
  const int first = group.first_row * kKeyBlock;
  const int64_t stride = t.width * kWordBytes;
  for (int d = 0; d < t.width; d += 2 * kLanes) {
    tile_zero<0>();
    tile_zero<1>();
    for (int key = 0; key < group.keys; key += kRegisterKeys) {
      const float* values = t.s.values + key / 2 * t.width + d;
      tile_load<2>(b.high + first + key, kStride);
      tile_load<3>(b.low + first + key, kStride);
      tile_load<4>(values, stride);
      tile_load<5>(values + kLanes, stride);
      tile_multiply_add<0, 3, 4>();  // the small parts first
      tile_multiply_add<1, 3, 5>();
      tile_multiply_add<0, 2, 4>();
      tile_multiply_add<1, 2, 5>();
    }
    float* sums = b.sums + group.first_row * t.width + d;
    tile_store<0>(sums, stride);
    tile_store<1>(sums + kLanes, stride);
  }
}

void add_group(const PairTile& t, const Group& group, const BlockState& b) {
  for (int r = group.first_row; r < group.first_row + group.rows; ++r) {
    const Vec correction = set1(b.correction[r]);
    float* acc = t.s.acc + r * t.width;
    const float* sums = b.sums + r * t.width;
    for (int d = 0; d < t.width; d += kLanes)
      store(acc + d, fma(load(acc + d), correction, load(sums + d)));
  }
}

void find_groups(const PairTile& t, BlockState& b) {
  for (int row = 0; row < t.rows; row += kMostGroup) {
    const int rows = t.rows - row < kMostGroup ? t.rows - row : kMostGroup;
    const int keys = keys_seen(t, row, rows);
    if (keys > 0) b.groups[b.count++] = {row, rows, keys};
  }
}

/// What a tile stores must have reached the cache before it is loaded otherwise, and the other way
/// round, so each step takes all rows before the next begins.
void run_block_in_tiles(const PairTile& t) {
  if (t.rows <= kGroup) return run_block_of_few(t);
  BlockState b;
  find_groups(t, b);
  const std::span<const Group> groups(b.groups, static_cast<size_t>(b.count));
  if (!t.in_words) transpose_keys(t);
  for (const Group& group : groups)
    score_group(t, group, b, &group == &groups.back());  // the last sees all keys
  pair_values(t, (t.now->count + kRegisterKeys - 1) / kRegisterKeys * kRegisterKeys);
  for (const Group& group : groups) {
    soften(t, group.rows, group.first_row, group.vectors(), b.scores + group.first_row * kKeyBlock,
           b.correction + group.first_row);
    split_weights(group, b);
  }
  for (const Group& group : groups) weigh_group(t, group, b);
  for (const Group& group : groups) add_group(t, group, b);
}

void run_tiles(std::span<const AttentionTile> tiles) {
  if (tiles[0].type != DType::bfloat16 || tiles[0].head_dim % (2 * kRegisterWords) != 0)
    return run(tiles);
  const bool few = std::ranges::all_of(
      tiles, [](const AttentionTile& tile) { return tile.queries * tile.heads <= kGroup; });
  if (few) return run_typed(tiles, run_block_of_few);
  take_tiles();
  run_typed(tiles, run_block_in_tiles);
  give_tiles_back();
}

}  // namespace

AttentionKernels attention_kernels_amx() { return {.run = run_tiles, .merge = merge}; }

}  // namespace weir::kernels
