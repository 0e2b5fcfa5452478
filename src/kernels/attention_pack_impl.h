// What a tile of attention works in, and how queries, keys and values get there. Included by
// attention_impl.h.
#pragma once

#include <type_traits>

#include "kernels/cpu_attention.h"
#include "kernels/key_words.h"

namespace weir::kernels {
namespace {

constexpr int kGroup = 6;       // rows of a tile that one pass keeps in registers
constexpr int kMostGroup = 16;  // rows whose scores are softened together
constexpr int kKeyVectors = kKeyBlock / kLanes;
constexpr float kNone = -__builtin_inff();

// bfloat16 is multiplied in pairs, the words of a key, where the processor can, else widened.
#ifdef __AVX512BF16__
template <class T>
constexpr bool kPairs = sizeof(T) == 2;
#else
template <class T>
constexpr bool kPairs = false;
#endif
template <class T>
constexpr bool kWidens = sizeof(T) == 2 && !kPairs<T>;

// Where the keys [first, first + count) of a sequence and their values lie; `words` of kLanes keys
// each instead of `keys` where the source has a word_stride.
struct KeyBlock {
  int first, count;
  const void* keys[kKeyBlock];
  const float* words[kKeyVectors];
  const void* values[kKeyBlock];
};

struct Scratch {
  alignas(64) float q[kTileRows * kMaxHeadDim];       // (rows, q_width)
  alignas(64) float keys[kMaxHeadDim * kKeyBlock];    // (q_width, kKeyBlock)
  alignas(64) float values[kKeyBlock * kMaxHeadDim];  // (kKeyBlock, width)
  alignas(64) float acc[kTileRows * kMaxHeadDim];    // (rows, width): weighted values of this range
  alignas(64) float total[kTileRows * kMaxHeadDim];  // of all ranges before
  float greatest[kTileRows], sum[kTileRows], total_greatest[kTileRows], total_sum[kTileRows];
  alignas(64) float weights[kGroup * kKeyBlock];
  alignas(64) float nothing[kMaxHeadDim];  // a key of zeros
  int end_seen[kTileRows];                 // of the keys, by each row
  KeyBlock blocks[2];
  // Of rows that are not plain.
  int first_seen[kTileRows], position[kTileRows];
  const float* bias[kTileRows];  // of the row's head, at the query's own position
};

/// Keys [first, end), those of a tile.
struct KeysSeen {
  int first, end;
  explicit KeysSeen(const AttentionTile& tile)
      : first(tile.first_seen(0)), end(tile.end_seen(tile.queries - 1)) {}
};

template <class T>
struct Tile;
/// Takes all rows of a tile through the block of keys at hand.
template <class T>
using RunBlock = void (*)(const Tile<T>&);

template <class T>
struct Tile {
  const AttentionTile& a;
  Scratch& s;
  const RunBlock<T> run_block;
  const int rows;
  const int width;    // head_dim in whole vectors
  const int words;    // of a key
  const int q_width;  // 32-bit numbers of a row of q: as many, or twice where pairs are widened
  bool pack_values = false;
  const bool bends;      // scores are more than scaled
  const KeysSeen seen;   // by any row
  bool plain = true;     // of the block at hand: scores are only scaled, and no window begins in it
  const bool in_words;   // the source's keys
  const bool pack_keys;  // where they lie in rows, and where many rows would widen them each anew
  KeyBlock* now;         // the block that is worked on
  KeyBlock* ahead;  // the one after it, or itself: asked for meanwhile, since pages lie anywhere

  Tile(const AttentionTile& tile, Scratch& scratch, RunBlock<T> block)
      : a(tile),
        s(scratch),
        run_block(block),
        rows(tile.queries * tile.heads),
        width((tile.head_dim + kLanes - 1) / kLanes * kLanes),
        words(static_cast<int>(words_of(tile.type, tile.head_dim))),
        q_width(kWidens<T> ? tile.head_dim : words),
        bends(tile.attention.soft_cap > 0 || tile.attention.bias.data != nullptr),
        seen(tile),
        in_words(tile.source.word_stride > 0),
        pack_keys(!in_words || (kWidens<T> && rows > kGroup)) {}

  // body(row, query, head), rows rising
  template <class F>
  void over_rows(F&& body) const {
    for (int query = 0, r = 0; query < a.queries; ++query)
      for (int head = 0; head < a.heads; ++head, ++r) body(r, query, head);
  }
};

// Keys of the block at hand up to the last that the rows [first_row, first_row + rows) see; none
// where they see none.
template <class T>
int keys_seen(const Tile<T>& t, int first_row, int rows) {
  if (!t.plain && t.s.first_seen[first_row] >= t.now->first + t.now->count) return 0;
  const int seen = t.s.end_seen[first_row + rows - 1] - t.now->first;
  return seen < t.now->count ? seen : t.now->count;
}

inline int vectors_of(int keys) { return (keys + kLanes - 1) / kLanes; }

// ---- packing

inline void prefetch(const void* data, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += 64)
    __builtin_prefetch(static_cast<const char*>(data) + at, 0, 2);
}

// What a row needs that is not plain.
template <class T>
[[gnu::noinline]] void place_row(const Tile<T>& t, int row, int query, int head) {
  const DistanceBias bias = bias_from(t.a.attention.bias, head);
  t.s.first_seen[row] = t.a.first_seen(query);
  t.s.position[row] = t.a.position + query;
  t.s.bias[row] = bias.data == nullptr ? nullptr : bias.data + bias.left;
}

template <class T>
void pack_q(const Tile<T>& t) {
  t.over_rows([&](int r, int query, int head) {
    const T* q = static_cast<const T*>(t.a.q) + query * t.a.q_stride + head * t.a.head_dim;
    float* out = t.s.q + r * t.q_width;
    t.s.end_seen[r] = t.a.end_seen(query);
    if (t.bends || t.a.attention.window > 0) place_row(t, r, query, head);
    if constexpr (kWidens<T>) {
      over(
          t.q_width, [&](int64_t d) { store(out + d, load(q + d)); },
          [&](int64_t d, int left) { store(out + d, load(q + d, left), left); });
    } else {
      __builtin_memcpy(out, q, static_cast<size_t>(t.q_width) * sizeof(float));
    }
  });
}

// Key `seen` stands for the first `missing`.
[[gnu::noinline]] void stand_in(KeyBlock& block, int missing, int seen) {
  for (int i = 0; i < missing; ++i) {
    block.keys[i] = block.keys[seen];
    block.values[i] = block.values[seen];
    block.words[i / kLanes] = block.words[seen / kLanes];
  }
}

// The keys that are seen from `first` on, as far as they fit; `nothing` stands for those beyond.
// Pages before the first key that is seen may be missing: that key stands for theirs.
template <class T>
void locate(const KeySource& source, const float* nothing, KeyBlock& block, int first,
            const KeysSeen& seen) {
  block.first = first;
  block.count = seen.end - first < kKeyBlock ? seen.end - first : kKeyBlock;
  int missing = 0;
  if (seen.first > first) [[unlikely]] {
    const int there = seen.first / source.page_size * source.page_size;
    missing = there > first ? there - first : 0;
  }
  int page = (first + missing) / source.page_size, slot = (first + missing) % source.page_size;
  for (int i = missing; i < block.count; ++page, slot = 0) {
    const int64_t base =
        (source.page_ids == nullptr ? 0 : source.page_ids[page]) * source.page_stride;
    const T* keys = static_cast<const T*>(source.keys) + base;
    const T* values = static_cast<const T*>(source.values) + base + slot * source.key_stride;
    const int left = source.page_size - slot,
              here = block.count - i < left ? block.count - i : left;
    if (source.word_stride > 0) {
      for (int k = 0; k < here; k += kLanes)
        block.words[(i + k) / kLanes] = reinterpret_cast<const float*>(keys) + slot + k;
    } else {
      for (int k = 0; k < here; ++k) block.keys[i + k] = keys + (slot + k) * source.key_stride;
    }
    for (int k = 0; k < here; ++k) block.values[i + k] = values + k * source.key_stride;
    i += here;
  }
  if (missing > 0) [[unlikely]]
    stand_in(block, missing, seen.first - first);
  for (int i = block.count; i < kKeyBlock; ++i) block.keys[i] = block.values[i] = nothing;
  for (int v = vectors_of(block.count); v < kKeyVectors; ++v) block.words[v] = nothing;
}

// Asks for a block that nothing asked for before.
template <class T>
void fetch(const Tile<T>& t, const KeyBlock& block) {
  const int64_t bytes = t.a.head_dim * static_cast<int64_t>(sizeof(T));
  if (t.in_words) {
    for (int k = 0; k < block.count; k += kLineWords)
      for (int w = 0; w < t.words; ++w)
        __builtin_prefetch(block.words[k / kLanes] + w * t.a.source.word_stride, 0, 2);
    for (int i = 0; i < block.count; ++i) prefetch(block.values[i], bytes);
  } else {
    for (int i = 0; i < block.count; ++i) prefetch(block.keys[i], bytes);
  }
}

// 32-bit numbers [d, d + kLanes) of a key, as they are multiplied; `left` of them exist.
template <class T>
Vec load_key(const void* key, int d, int left) {
  using Number = std::conditional_t<kWidens<T>, T, float>;
  const Number* numbers = static_cast<const Number*>(key) + d;
  return left >= kLanes ? load(numbers) : load(numbers, left);
}

// The block's keys as (q_width, kKeyBlock): a vector holds one number of kLanes keys.
template <class T>
void transpose_keys(const Tile<T>& t) {
  const int64_t bytes = t.a.head_dim * static_cast<int64_t>(sizeof(T));
  for (int key = 0; key < t.now->count; key += kLanes) {
    for (int i = key; i < key + kLanes && i < t.now->count; ++i) prefetch(t.now->values[i], bytes);
    for (int d = 0; d < t.q_width; d += kLanes) {
      const int left = t.q_width - d;
      Vec block[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        block[i] = load_key<T>(t.now->keys[key + i], d, left);
      }
      transpose(block);
      float* out = t.s.keys + d * kKeyBlock + key;
      if (left >= kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) store(out + i * kKeyBlock, block[i]);
      } else {
        for (int i = 0; i < left; ++i) store(out + i * kKeyBlock, block[i]);
      }
    }
  }
}

// The same from pairs that lie in words.
template <class T>
void widen_keys(const Tile<T>& t) {
  const int64_t step = t.a.source.word_stride;
  for (int key = 0; key < t.now->count; key += kLanes) {
    const float *words = t.now->words[key / kLanes], *next = t.ahead->words[key / kLanes];
    float* out = t.s.keys + key;
    for (int w = 0; w < t.words; ++w, words += step, next += step, out += 2 * kKeyBlock) {
      if (key % kLineWords == 0) __builtin_prefetch(next, 0, 2);
      store(out, widen_first(load(words)));
      store(out + kKeyBlock, widen_second(load(words)));
    }
  }
}

template <class T>
void pack_values(const Tile<T>& t) {
  for (int i = 0; i < t.now->count; ++i) {
    const T* value = static_cast<const T*>(t.now->values[i]);
    float* out = t.s.values + i * t.width;
    over(
        t.a.head_dim, [&](int64_t d) { store(out + d, load(value + d)); },
        [&](int64_t d, int left) { store(out + d, load(value + d, left)); });
  }
}

}  // namespace
}  // namespace weir::kernels
