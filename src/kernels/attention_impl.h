// Attention tiles. Included after simd_*.h and simd_math.h by one file per instruction set.
// cpu_attention.h says in which order numbers are added; every shortcut here keeps that order.
#pragma once

#include "kernels/attention_pack_impl.h"

namespace weir::kernels {
namespace {

// ---- scores: R rows of q by V vectors of keys

template <class T>
inline Vec multiply_add(Vec q, Vec k, Vec sum) {
#ifdef __AVX512BF16__
  if constexpr (kPairs<T>) return dot_pairs(q, k, sum);
#endif
  return fma(q, k, sum);
}

// kWords: keys come from their pages, not packed.
template <class T, bool kWords, int R, int V>
void score_block(const Tile<T>& t, int first_row, int vector) {
  const float* q = t.s.q + first_row * t.q_width;
  const float *keys[V], *next[V];
  for (int v = 0; v < V; ++v) {
    keys[v] = kWords ? t.now->words[vector + v] : t.s.keys + (vector + v) * kLanes;
    next[v] = kWords ? t.ahead->words[vector + v] : nullptr;
  }
  constexpr int kParts = kWords && kWidens<T> ? 2 : 1;
  const int64_t step = kWords ? t.a.source.word_stride : kKeyBlock;
  Vec sum[R][V];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) sum[r][v] = zero();
  for (int64_t d = 0, at = 0; d < t.q_width; d += kParts, at += step) {
    if constexpr (kWords)
      for (int v = 0; v < V; v += kLineWords / kLanes) __builtin_prefetch(next[v] + at, 0, 2);
    for (int part = 0; part < kParts; ++part) {
      Vec k[V];
      for (int v = 0; v < V; ++v) {
        k[v] = load(keys[v] + at);
        if constexpr (kParts == 2) k[v] = part == 0 ? widen_first(k[v]) : widen_second(k[v]);
      }
      for (int r = 0; r < R; ++r) {
        const Vec x = set1(q[r * t.q_width + d + part]);
        for (int v = 0; v < V; ++v) sum[r][v] = multiply_add<T>(x, k[v], sum[r][v]);
      }
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v)
      store(t.s.weights + r * kKeyBlock + (vector + v) * kLanes, sum[r][v]);
}

constexpr int widest(int rows) {
  const int fit = (kRegisters - kRegisters / 4) / rows;  // sums beside operands
  return fit >= 8 ? 8 : fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

template <class T, bool kWords, int R>
void scores(const Tile<T>& t, int first_row, int vectors) {
  constexpr int kWide = widest(R) < kKeyVectors ? widest(R) : kKeyVectors;
  int v = 0;
  for (; v + kWide <= vectors; v += kWide) score_block<T, kWords, R, kWide>(t, first_row, v);
  if constexpr (kWide > 2) {
    if (v + 2 <= vectors) score_block<T, kWords, R, 2>(t, first_row, v), v += 2;
  }
  if constexpr (kWide > 1) {
    for (; v < vectors; ++v) score_block<T, kWords, R, 1>(t, first_row, v);
  }
}

// ---- softmax: scores become weights; `correction` is what older sums are multiplied by

// What a row's head adds to the scores of the keys from `key` on.
template <class T>
Vec bias_of(const Tile<T>& t, int row, int key) {
  const int left = t.a.attention.bias.left, right = t.a.attention.bias.right;
  const float* bias = t.s.bias[row];
  const int from = key - t.s.position[row], last = from + kLanes - 1;
  if (from >= -left && last <= right) return load(bias + from);
  if (last <= -left) return set1(bias[-left]);
  if (from >= right) return set1(bias[right]);
  alignas(64) float lanes[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    const int distance = from + i < -left ? -left : from + i > right ? right : from + i;
    lanes[i] = bias[distance];
  }
  return load(lanes);
}

// Scaled, capped and biased scores, times log2(e).
template <class T>
Vec bend(const Tile<T>& t, Vec score, int row, int key) {
  const Attention& attention = t.a.attention;
  Vec factor = set1(attention.scale);
  if (attention.soft_cap > 0) {
    score = tanh_of_score(mul(score, set1(attention.scale / attention.soft_cap)));
    factor = set1(attention.soft_cap);
  }
  score = t.s.bias[row] == nullptr ? mul(score, factor) : fma(score, factor, bias_of(t, row, key));
  return mul(score, set1(kLog2e));
}

// kPlain: scores are only scaled, and all rows see the block's first key.
template <bool kPlain, class T>
void soften_rows(const Tile<T>& t, int rows, int first_row, int vectors, float* weights,
                 float* correction) {
  const Vec scale = set1(t.a.attention.scale * kLog2e);
  alignas(64) float before[kMostGroup] = {}, after[kMostGroup] = {};
  for (int r = 0; r < rows; ++r) {
    float* row = weights + r * kKeyBlock;
    const int visible = t.s.end_seen[first_row + r] - t.now->first;
    const int hidden = t.s.first_seen[first_row + r] - t.now->first;
    Vec x[kKeyVectors], top = set1(kNone);
    for (int v = 0; v < vectors; ++v) {
      Vec score = load(row + v * kLanes);
      score = kPlain || !t.bends ? mul(score, scale)
                                 : bend(t, score, first_row + r, t.now->first + v * kLanes);
      if (!kPlain) score = first_lanes(set1(kNone), hidden - v * kLanes, score);
      x[v] = first_lanes(score, visible - v * kLanes, set1(kNone));
      top = max(x[v], top);
    }
    const float old = t.s.greatest[first_row + r], seen = max_of(top);
    const float greatest = seen > old ? seen : old;
    const float base = greatest == kNone ? 0.f : greatest;
    Vec sums = zero();
    for (int v = 0; v < vectors; ++v) {
      const Vec p = exp2(sub(x[v], set1(base)));
      sums = add(sums, p);
      store(row + v * kLanes, p);
    }
    t.s.greatest[first_row + r] = greatest;
    before[r] = old - base;
    after[r] = sum(sums);
  }
  for (int i = 0; i < rows; i += kLanes) store(before + i, exp2(load(before + i)));
  for (int r = 0; r < rows; ++r) {
    correction[r] = before[r];
    t.s.sum[first_row + r] = __builtin_fmaf(t.s.sum[first_row + r], before[r], after[r]);
  }
}

template <class T>
[[gnu::noinline]] void soften_bent_rows(const Tile<T>& t, int rows, int first_row, int vectors,
                                        float* weights, float* correction) {
  soften_rows<false>(t, rows, first_row, vectors, weights, correction);
}

// Inline, so that soften_rows<true> is compiled for each number of rows.
template <class T>
[[gnu::always_inline]] inline void soften(const Tile<T>& t, int rows, int first_row, int vectors,
                                          float* weights, float* correction) {
  if (!t.plain) [[unlikely]]
    return soften_bent_rows(t, rows, first_row, vectors, weights, correction);
  soften_rows<true>(t, rows, first_row, vectors, weights, correction);
}

// ---- weighted values: R rows by V vectors of a head

template <class T, class Value, int R, int V>
void weigh_block(const Tile<T>& t, int first_row, int d, int keys, const float* correction) {
  float* acc = t.s.acc + first_row * t.width + d;
  Vec sum[R][V];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v)
      sum[r][v] = mul(load(acc + r * t.width + v * kLanes), set1(correction[r]));
  for (int key = 0; key < keys; ++key) {
    const Value* value;
    if constexpr (sizeof(Value) == sizeof(T)) {
      value = (t.pack_values ? reinterpret_cast<const Value*>(t.s.values + key * t.width)
                             : static_cast<const Value*>(t.now->values[key])) +
              d;
    } else {
      value = t.s.values + key * t.width + d;
    }
    const void* next = t.in_words ? t.ahead->values[key] : t.ahead->keys[key];
    prefetch(static_cast<const T*>(next) + d, V * kLanes * sizeof(T));
    Vec x[V];
    for (int v = 0; v < V; ++v) x[v] = load(value + v * kLanes);
    for (int r = 0; r < R; ++r) {
      const Vec p = set1(t.s.weights[r * kKeyBlock + key]);
      for (int v = 0; v < V; ++v) sum[r][v] = fma(p, x[v], sum[r][v]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) store(acc + r * t.width + v * kLanes, sum[r][v]);
}

template <class T, class Value, int R>
void weigh(const Tile<T>& t, int first_row, int keys, const float* correction) {
  constexpr int kWide = widest(R);
  const int vectors = t.width / kLanes;
  int v = 0;
  for (; v + kWide <= vectors; v += kWide)
    weigh_block<T, Value, R, kWide>(t, first_row, v * kLanes, keys, correction);
  if constexpr (kWide > 4) {
    if (v + 4 <= vectors)
      weigh_block<T, Value, R, 4>(t, first_row, v * kLanes, keys, correction), v += 4;
  }
  if constexpr (kWide > 2) {
    if (v + 2 <= vectors)
      weigh_block<T, Value, R, 2>(t, first_row, v * kLanes, keys, correction), v += 2;
  }
  if constexpr (kWide > 1) {
    if (v < vectors) weigh_block<T, Value, R, 1>(t, first_row, v * kLanes, keys, correction);
  }
}

// ---- a tile

template <class T, int R>
void group_of(const Tile<T>& t, int first_row) {
  const int keys = keys_seen(t, first_row, R);
  if (keys <= 0) return;  // such a pass would multiply by 1 and add 0
  const int vectors = vectors_of(keys);
  float correction[R];
  t.pack_keys ? scores<T, false, R>(t, first_row, vectors)
              : scores<T, true, R>(t, first_row, vectors);
  soften(t, R, first_row, vectors, t.s.weights, correction);
  if (sizeof(T) != 4 && t.pack_values) {
    weigh<T, float, R>(t, first_row, keys, correction);
  } else {
    weigh<T, T, R>(t, first_row, keys, correction);
  }
}

template <class T>
void group(const Tile<T>& t, int size, int first_row) {
  switch (size) {
    case 1:
      return group_of<T, 1>(t, first_row);
    case 2:
      return group_of<T, 2>(t, first_row);
    case 3:
      return group_of<T, 3>(t, first_row);
    case 4:
      return group_of<T, 4>(t, first_row);
    case 5:
      return group_of<T, 5>(t, first_row);
    default:
      return group_of<T, 6>(t, first_row);
  }
}

template <class T>
void run_block(const Tile<T>& t) {
  if (!t.in_words) {
    transpose_keys(t);
  } else if constexpr (kWidens<T>) {
    if (t.pack_keys) widen_keys(t);
  }
  if (t.pack_values) pack_values(t);
  const int groups = (t.rows + kGroup - 1) / kGroup;
  for (int g = 0; g < groups; ++g) {  // sizes that differ by one at most
    const int from = t.rows * g / groups, to = t.rows * (g + 1) / groups;
    group(t, to - from, from);
  }
}

template <class T>
void clear(const Tile<T>& t) {
  for (int r = 0; r < t.rows; ++r) {
    t.s.greatest[r] = kNone;
    t.s.sum[r] = 0;
    for (int d = 0; d < t.width; d += kLanes) store(t.s.acc + r * t.width + d, zero());
  }
}

// One row's softmax state: (greatest, sum, acc) becomes that of both. One of them may have seen no
// key; not both, since the windows of a tile's rows begin less than a range apart.
static_assert(kTileRows < kKeyRange);
void merge_row(float& greatest, float& sum, float* acc, float other_greatest, float other_sum,
               const float* other, int width) {
  const float top = other_greatest > greatest ? other_greatest : greatest;
  alignas(64) float scale[16] = {greatest - top, other_greatest - top};
  for (int i = 0; i < 16; i += kLanes) store(scale + i, exp2(load(scale + i)));
  greatest = top;
  sum = __builtin_fmaf(sum, scale[0], other_sum * scale[1]);
  const Vec mine = set1(scale[0]), theirs = set1(scale[1]);
  for (int d = 0; d < width; d += kLanes)
    store(acc + d, fma(load(acc + d), mine, mul(load(other + d), theirs)));
}

template <class T>
void keep_range(const Tile<T>& t) {
  for (int r = 0; r < t.rows; ++r) {
    t.s.total_greatest[r] = t.s.greatest[r];
    t.s.total_sum[r] = t.s.sum[r];
    const int64_t row = int64_t{r} * t.width;
    for (int d = 0; d < t.width; d += kLanes) store(t.s.total + row + d, load(t.s.acc + row + d));
  }
}

template <class T>
void merge_range(const Tile<T>& t) {
  for (int r = 0; r < t.rows; ++r) {
    merge_row(t.s.total_greatest[r], t.s.total_sum[r], t.s.total + r * t.width, t.s.greatest[r],
              t.s.sum[r], t.s.acc + r * t.width, t.width);
  }
}

template <class T>
void write_state(const Tile<T>& t, int range) {
  for (int r = 0; r < t.rows; ++r) {
    const int64_t place = int64_t{range - t.a.first_range()} * t.rows + r;
    float* state = t.a.states + place * attention_state_size(t.a.head_dim);
    state[0] = t.s.greatest[r];
    state[1] = t.s.sum[r];
    for (int d = 0; d < t.width; d += kLanes)
      store(state + 16 + d, load(t.s.acc + r * t.width + d));
  }
}

template <class T>
void write_row(const AttentionTile& a, int query, int head, float sum, const float* acc) {
  T* out = static_cast<T*>(a.out) + query * a.out_stride + head * a.head_dim;
  const Vec scale = set1(1.f / sum);
  over(
      a.head_dim, [&](int64_t d) { store(out + d, mul(load(acc + d), scale)); },
      [&](int64_t d, int left) { store(out + d, mul(load(acc + d), scale), left); });
}

template <class T>
void write_rows(const Tile<T>& t, const float* sum, const float* acc) {
  t.over_rows([&](int r, int query, int head) {
    write_row<T>(t.a, query, head, sum[r], acc + r * t.width);
  });
}

// The first key of the first block of a range that a row of this tile sees.
int first_key(const KeysSeen& seen, int range) {
  const int first = seen.first / kKeyBlock * kKeyBlock;
  return range * kKeyRange > first ? range * kKeyRange : first;
}

// The newest key and value go to their place: the block at hand is the last.
template <class T>
void write_newest(const Tile<T>& t) {
  const int i = t.now->count - 1;
  const size_t bytes = sizeof(T) * static_cast<size_t>(t.a.head_dim);
  __builtin_memcpy(const_cast<void*>(t.now->values[i]), t.a.new_value, bytes);
  if (t.in_words) {
    float* slot = const_cast<float*>(t.now->words[i / kLanes]) + i % kLanes;
    write_key(slot, t.a.source.word_stride, t.a.new_key, t.words);
  } else {
    __builtin_memcpy(const_cast<void*>(t.now->keys[i]), t.a.new_key, bytes);
  }
}

template <class T>
void go_through_range(Tile<T>& t, int range, const AttentionTile* next) {
  clear(t);
  const int visible = t.seen.end, last_window = t.a.first_seen(t.a.queries - 1);
  const int end = (range + 1) * kKeyRange < visible ? (range + 1) * kKeyRange : visible;
  const int last = t.a.range_end * kKeyRange < visible ? t.a.range_end * kKeyRange : visible;
  for (int key = first_key(t.seen, range); key < end; key += kKeyBlock) {
    t.ahead = t.now == t.s.blocks ? t.s.blocks + 1 : t.s.blocks;
    if (key + kKeyBlock < last) {
      locate<T>(t.a.source, t.s.nothing, *t.ahead, key + kKeyBlock, t.seen);
    } else if (next != nullptr) {
      const KeysSeen seen(*next);
      locate<T>(next->source, t.s.nothing, *t.ahead, first_key(seen, next->range_begin), seen);
    } else {
      t.ahead = t.now;
    }
    if (t.a.new_key != nullptr && key + kKeyBlock >= visible) write_newest(t);
    t.plain = !t.bends && last_window <= key;
    t.run_block(t);
    t.now = t.ahead;
  }
}

template <class T>
void run_tile(Tile<T>& t, const AttentionTile* next) {
  const AttentionTile& a = t.a;
  t.pack_values = t.width != a.head_dim || (sizeof(T) != 4 && t.rows > kGroup);
  pack_q(t);
  if (a.states != nullptr) {
    for (int range = a.range_begin; range < a.range_end; ++range) {
      go_through_range(t, range, next);
      write_state(t, range);
    }
    return;
  }
  go_through_range(t, a.range_begin, next);
  if (a.range_end == a.range_begin + 1) return write_rows(t, t.s.sum, t.s.acc);
  keep_range(t);
  for (int range = a.range_begin + 1; range < a.range_end; ++range) {
    go_through_range(t, range, next);
    merge_range(t);
  }
  write_rows(t, t.s.total_sum, t.s.total);
}

template <class T>
void run_typed(std::span<const AttentionTile> tiles, RunBlock<T> block) {
  Scratch scratch;
  for (int d = 0; d < kMaxHeadDim; d += kLanes) store(scratch.nothing + d, zero());
  KeyBlock* now = scratch.blocks;
  for (size_t i = 0; i < tiles.size(); ++i) {
    Tile<T> t(tiles[i], scratch, block);
    t.now = now;
    if (i == 0) {
      locate<T>(t.a.source, scratch.nothing, *now, first_key(t.seen, t.a.range_begin), t.seen);
      fetch(t, *now);
    }
    run_tile(t, i + 1 < tiles.size() ? &tiles[i + 1] : nullptr);
    now = t.now;
  }
}

template <class T>
void merge_typed(const AttentionTile& a) {
  alignas(64) float acc[kMaxHeadDim];
  const int rows = a.queries * a.heads;
  const int width = (a.head_dim + kLanes - 1) / kLanes * kLanes;
  const int64_t size = attention_state_size(a.head_dim);
  for (int r = 0; r < rows; ++r) {
    const float* first = a.states + r * size;
    float greatest = first[0], sum = first[1];
    for (int d = 0; d < width; d += kLanes) store(acc + d, load(first + 16 + d));
    for (int range = 1; range < a.last_range() - a.first_range(); ++range) {
      const float* state = first + range * rows * size;
      merge_row(greatest, sum, acc, state[0], state[1], state + 16, width);
    }
    write_row<T>(a, r / a.heads, r % a.heads, sum, acc);
  }
}

void run(std::span<const AttentionTile> tiles) {
  tiles[0].type == DType::float32 ? run_typed(tiles, run_block<float>)
                                  : run_typed(tiles, run_block<bf16>);
}
void merge(const AttentionTile& a) {
  a.type == DType::float32 ? merge_typed<float>(a) : merge_typed<bf16>(a);
}

}  // namespace
}  // namespace weir::kernels
