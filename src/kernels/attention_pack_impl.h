// What a tile of attention works in, and how queries, keys and values get there. Included by
// attention_impl.h.
#pragma once

#include "kernels/cpu_attention.h"

namespace weir::kernels {
namespace {

constexpr int kGroup = 6;  // rows of a tile that one pass keeps in registers
constexpr int kKeyVectors = kKeyBlock / kLanes;
constexpr float kNone = -__builtin_inff();

#ifdef __AVX512BF16__
template <class T>
constexpr bool kPairs = sizeof(T) == 2;  // scores from products of pairs
#else
template <class T>
constexpr bool kPairs = false;
#endif

// Where the keys [first, first + count) of a sequence and their values lie; `pairs` of sixteen keys
// each instead of `keys` where the source has a pair_stride.
struct KeyBlock {
  int first, count;
  const void* keys[kKeyBlock];
  const float* pairs[kKeyVectors];
  const void* values[kKeyBlock];
};

template <class T>
bool lies_in_pairs(const KeySource& source) {
  return kPairs<T> && source.pair_stride > 0;
}

struct Scratch {
  alignas(64) float q[kTileRows * kMaxHeadDim];       // (rows, head_dim), or pairs of bfloat16
  alignas(64) float keys[kMaxHeadDim * kKeyBlock];    // (head_dim, kKeyBlock), or pairs
  alignas(64) float values[kKeyBlock * kMaxHeadDim];  // (kKeyBlock, width)
  alignas(64) float acc[kTileRows * kMaxHeadDim];    // (rows, width): weighted values of this range
  alignas(64) float total[kTileRows * kMaxHeadDim];  // of all ranges before
  float greatest[kTileRows], sum[kTileRows], total_greatest[kTileRows], total_sum[kTileRows];
  alignas(64) float weights[kGroup * kKeyBlock];
  alignas(64) float nothing[kMaxHeadDim];  // a key of zeros
  int visible[kTileRows];                  // keys that each row sees
  KeyBlock blocks[2];
};

template <class T>
struct Tile {
  const AttentionTile& a;
  Scratch& s;
  const int rows;
  const int width;    // head_dim in whole vectors
  const int q_width;  // 32-bit numbers of a row of q: head_dim, or half of it in pairs
  bool pack_values = false;
  const bool in_pairs;  // keys need not be packed
  KeyBlock* now;        // the block that is worked on
  KeyBlock* ahead;  // the one after it, or itself: asked for meanwhile, since pages lie anywhere

  Tile(const AttentionTile& tile, Scratch& scratch)
      : a(tile),
        s(scratch),
        rows(tile.queries * tile.heads),
        width((tile.head_dim + kLanes - 1) / kLanes * kLanes),
        q_width(kPairs<T> ? tile.head_dim / 2 : tile.head_dim),
        in_pairs(lies_in_pairs<T>(tile.source)) {}

  // Numbers between a vector of keys and that of the next pair, or number.
  int64_t key_step() const { return in_pairs ? a.source.pair_stride : kKeyBlock; }

  // body(row, query, head), rows rising
  template <class F>
  void over_rows(F&& body) const {
    for (int query = 0, r = 0; query < a.queries; ++query)
      for (int head = 0; head < a.heads; ++head, ++r) body(r, query, head);
  }
};

// ---- packing

inline void prefetch(const void* data, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += 64)
    __builtin_prefetch(static_cast<const char*>(data) + at, 0, 2);
}

template <class T>
void pack_q(const Tile<T>& t) {
  t.over_rows([&](int r, int query, int head) {
    const T* q = static_cast<const T*>(t.a.q) + query * t.a.q_stride + head * t.a.head_dim;
    float* out = t.s.q + r * t.q_width;
    t.s.visible[r] = t.a.visible + t.a.causal * query;
    if constexpr (kPairs<T>) {
      const float* pairs = reinterpret_cast<const float*>(q);
      over(
          t.q_width, [&](int64_t d) { store(out + d, load(pairs + d)); },
          [&](int64_t d, int left) { store(out + d, load(pairs + d, left), left); });
    } else {
      over(
          t.q_width, [&](int64_t d) { store(out + d, load(q + d)); },
          [&](int64_t d, int left) { store(out + d, load(q + d, left), left); });
    }
  });
}

// Keys [first, end) as far as they fit; `nothing` stands for those beyond.
template <class T>
void locate(const KeySource& source, const float* nothing, KeyBlock& block, int first, int end) {
  block.first = first;
  block.count = end - first < kKeyBlock ? end - first : kKeyBlock;
  int page = first / source.page_size, slot = first % source.page_size;
  for (int i = 0; i < block.count; ++page, slot = 0) {
    const int64_t base =
        (source.page_ids == nullptr ? 0 : source.page_ids[page]) * source.page_stride;
    const T* keys = static_cast<const T*>(source.keys) + base;
    const T* values = static_cast<const T*>(source.values) + base + slot * source.key_stride;
    const int left = source.page_size - slot,
              here = block.count - i < left ? block.count - i : left;
    if (lies_in_pairs<T>(source)) {
      for (int k = 0; k < here; k += kLanes)
        block.pairs[(i + k) / kLanes] = reinterpret_cast<const float*>(keys) + slot + k;
    } else {
      for (int k = 0; k < here; ++k) block.keys[i + k] = keys + (slot + k) * source.key_stride;
    }
    for (int k = 0; k < here; ++k) block.values[i + k] = values + k * source.key_stride;
    i += here;
  }
  for (int i = block.count; i < kKeyBlock; ++i) block.keys[i] = block.values[i] = nothing;
  for (int v = (block.count + kLanes - 1) / kLanes; v < kKeyVectors; ++v) block.pairs[v] = nothing;
}

// Asks for a block that nothing asked for before.
template <class T>
void fetch(const Tile<T>& t, const KeyBlock& block) {
  const int64_t bytes = t.a.head_dim * static_cast<int64_t>(sizeof(T));
  if (t.in_pairs) {
    for (int k = 0; k < block.count; k += kLanes)
      for (int d = 0; d < t.q_width; ++d)
        __builtin_prefetch(block.pairs[k / kLanes] + d * t.key_step(), 0, 2);
    for (int i = 0; i < block.count; ++i) prefetch(block.values[i], bytes);
  } else {
    for (int i = 0; i < block.count; ++i) prefetch(block.keys[i], bytes);
  }
}

// 32-bit numbers [d, d + kLanes) of a key; `left` of them exist.
template <class T>
Vec load_key(const T* key, int d, int left) {
  if constexpr (kPairs<T>) {
    const float* pairs = reinterpret_cast<const float*>(key);
    return left >= kLanes ? load(pairs + d) : load(pairs + d, left);
  } else {
    return left >= kLanes ? load(key + d) : load(key + d, left);
  }
}

// The block's keys as (q_width, kKeyBlock): a vector holds one number of kLanes keys.
template <class T>
void pack_keys(const Tile<T>& t) {
  const int64_t bytes = t.a.head_dim * static_cast<int64_t>(sizeof(T));
  for (int key = 0; key < t.now->count; key += kLanes) {
    for (int i = key; i < key + kLanes && i < t.now->count; ++i) prefetch(t.now->values[i], bytes);
    for (int d = 0; d < t.q_width; d += kLanes) {
      const int left = t.q_width - d;
      Vec block[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        block[i] = load_key(static_cast<const T*>(t.now->keys[key + i]), d, left);
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
