// Attention of a tile of few rows, as decoding has them, for which tiles of AMX would be mostly
// empty: the same sums by vectors. A tile adds, of 32 inputs, those at even places to each other
// and those at odd ones, then both to the sum; so does this, bit for bit but for numbers below
// 2^-126, which a tile takes for zero. Included by attention_amx.cpp after attention_impl.h.
#pragma once

#include "kernels/attention_impl.h"

namespace weir::kernels {
namespace {

using PairTile = Tile<bf16>;

constexpr int kRegisterWords = 16;                 // pairs of a row of a tile register
constexpr int kRegisterKeys = 2 * kRegisterWords;  // whose values one has

/// A weight as the sum of two bfloat16, so that rounding it costs no accuracy.
struct WeightParts {
  __m256i high, low;
};
inline WeightParts split(Vec weight) {
  const __m256i high = narrow(weight);
  return {high, narrow(sub(weight, widen(high)))};
}

struct FewRows {
  alignas(64) float q[kGroup * kMaxHeadDim];
  alignas(64) float scores[kGroup * kKeyBlock];  // and weights
  alignas(64) float high[kGroup * kKeyBlock], low[kGroup * kKeyBlock];
  float correction[kGroup];
};

void widen_q(const PairTile& t, FewRows& few) {
  for (int r = 0; r < t.rows; ++r) {
    const auto* row = reinterpret_cast<const bf16*>(t.s.q + r * t.q_width);
    for (int d = 0; d < t.width; d += kLanes) store(few.q + r * t.width + d, load(row + d));
  }
}

template <int R, int V>
void score_few_block(const PairTile& t, FewRows& few, int vector) {
  const int64_t stride = t.in_words ? t.a.source.word_stride : kKeyBlock;
  const float *keys[V], *next[V];
  for (int v = 0; v < V; ++v) {
    keys[v] = t.in_words ? t.now->words[vector + v] : t.s.keys + (vector + v) * kLanes;
    next[v] = t.in_words ? t.ahead->words[vector + v] : nullptr;
  }
  Vec sum[R][V] = {};
  for (int word = 0; word < t.words; word += kRegisterWords) {
    Vec even[R][V] = {}, odd[R][V] = {};
    for (int64_t w = word, at = word * stride; w < word + kRegisterWords; ++w, at += stride) {
      Vec first[V], second[V];
      for (int v = 0; v < V; ++v) {
        if (t.in_words) __builtin_prefetch(next[v] + at, 0, 2);
        const Vec pairs = load(keys[v] + at);
        first[v] = widen_first(pairs), second[v] = widen_second(pairs);
      }
      for (int r = 0; r < R; ++r) {
        const float* q = few.q + r * t.width + 2 * w;
        for (int v = 0; v < V; ++v) {
          even[r][v] = fma(set1(q[0]), first[v], even[r][v]);
          odd[r][v] = fma(set1(q[1]), second[v], odd[r][v]);
        }
      }
    }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sum[r][v] = add(sum[r][v], add(even[r][v], odd[r][v]));
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v)
      store(few.scores + r * kKeyBlock + (vector + v) * kLanes, sum[r][v]);
}

template <int R>
void score_few(const PairTile& t, FewRows& few) {
  constexpr int kWide = R <= 2 ? 4 : R <= 4 ? 2 : 1;
  const int vectors = vectors_of(t.now->count);
  int v = 0;
  for (; v + kWide <= vectors; v += kWide) score_few_block<R, kWide>(t, few, v);
  for (; v < vectors; ++v) score_few_block<R, 1>(t, few, v);
}

void split_few(int rows, int vectors, FewRows& few) {
  for (int r = 0; r < rows; ++r)
    for (int v = 0; v < vectors; ++v) {
      const int at = r * kKeyBlock + v * kLanes;
      const WeightParts parts = split(load(few.scores + at));
      store(few.high + at, widen(parts.high));
      store(few.low + at, widen(parts.low));
    }
}

template <int R, int V>
void weigh_few_block(const PairTile& t, const FewRows& few, int d) {
  Vec sum[R][V] = {};
  const void* const* next = t.in_words ? t.ahead->values : t.ahead->keys;
  const int keys = t.now->count;  // the last row sees all
  for (int begin = 0; begin < keys; begin += kRegisterKeys) {
    const int end = keys - begin < kRegisterKeys ? keys : begin + kRegisterKeys;
    Vec high[2][R][V] = {}, low[2][R][V] = {};
    for (int pair = begin; pair < end; pair += 2)
#pragma GCC unroll 2
      for (int odd = 0; odd < 2; ++odd) {  // beyond an odd last key there are zeros
        const auto* value = static_cast<const bf16*>(t.now->values[pair + odd]) + d;
        prefetch(static_cast<const bf16*>(next[pair + odd]) + d, V * kLanes * sizeof(bf16));
        for (int v = 0; v < V; ++v) {
          const Vec x = load(value + v * kLanes);
          for (int r = 0; r < R; ++r) {
            const int at = r * kKeyBlock + pair + odd;
            high[odd][r][v] = fma(set1(few.high[at]), x, high[odd][r][v]);
            low[odd][r][v] = fma(set1(few.low[at]), x, low[odd][r][v]);
          }
        }
      }
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) {
        sum[r][v] = add(sum[r][v], add(low[0][r][v], low[1][r][v]));
        sum[r][v] = add(sum[r][v], add(high[0][r][v], high[1][r][v]));
      }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) {
      float* acc = t.s.acc + r * t.width + d + v * kLanes;
      store(acc, fma(load(acc), set1(few.correction[r]), sum[r][v]));
    }
}

template <int R>
void run_few(const PairTile& t, FewRows& few) {
  constexpr int kWide = R == 1 ? 4 : R == 2 ? 2 : 1;  // head_dim is a multiple of two vectors
  const int vectors = vectors_of(t.now->count);
  score_few<R>(t, few);
  soften(t, R, 0, vectors, few.scores, few.correction);
  split_few(R, vectors, few);
  int d = 0;
  for (; d + kWide * kLanes <= t.width; d += kWide * kLanes) weigh_few_block<R, kWide>(t, few, d);
  for (; d < t.width; d += kLanes) weigh_few_block<R, 1>(t, few, d);
}

template <int R = 1>
void run_few_rows(const PairTile& t, FewRows& few) {
  if constexpr (R < kGroup)
    if (t.rows > R) return run_few_rows<R + 1>(t, few);
  run_few<R>(t, few);
}

/// REQUIRES t.rows <= kGroup.
void run_block_of_few(const PairTile& t) {
  FewRows few;
  if (!t.in_words) transpose_keys(t);
  widen_q(t, few);
  run_few_rows(t, few);
}

}  // namespace
}  // namespace weir::kernels
