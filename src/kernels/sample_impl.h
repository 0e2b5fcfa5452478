// The vector passes of sampling. Included after simd_*.h and simd_math.h by one file per
// instruction set.
#pragma once

#include "kernels/cpu_kernels.h"

namespace weir::kernels {
namespace {

// The first index in [begin, end) whose number is at least `least`.
int32_t first_at_least(const float* x, int64_t begin, int64_t end, float least) {
  for (int64_t i = begin; i < end; i += kLanes) {
    const int n = end - i < kLanes ? static_cast<int>(end - i) : kLanes;
    const Vec v = n == kLanes ? load(x + i) : load(x + i, n);
    const uint32_t hits = lanes_at_least(v, set1(least)) & ((1u << n) - 1);
    if (hits != 0) return static_cast<int32_t>(i) + __builtin_ctz(hits);
  }
  return -1;
}

SampleKernels::Top top(const float* x, int64_t n) {
  constexpr float kNone = -__builtin_inff();
  constexpr int kWays = 4;
  Vec greatest[kWays], broken = zero();
  for (Vec& g : greatest) g = set1(kNone);
  const auto see = [&](Vec v, int way) {
    greatest[way] = max(v, greatest[way]);
    broken = add(broken, mul(v, zero()));  // NaN for NaN and for infinity
  };
  int64_t i = 0;
  for (; i + kWays * kLanes <= n; i += kWays * kLanes) {
    for (int way = 0; way < kWays; ++way) see(load(x + i + way * kLanes), way);
  }
  over(
      n - i, [&](int64_t j) { see(load(x + i + j), 0); },
      [&](int64_t j, int left) { see(first_lanes(load(x + i + j, left), left, set1(kNone)), 0); });
  float top = kNone;
  for (const Vec& g : greatest) top = max_of(g) > top ? max_of(g) : top;
  if (nan_lanes(broken) != 0) {
    for (int64_t j = 0; j < n; j += kLanes) {
      const int left = n - j < kLanes ? static_cast<int>(n - j) : kLanes;
      if (nan_lanes(left == kLanes ? load(x + j) : load(x + j, left)) != 0) return {-1, top};
    }
  }
  return {first_at_least(x, 0, n, top), top};
}

void weigh(float* weights, double* sums, const float* x, int64_t n, float top,
           float inverse_temperature, float least) {
  const Vec offset = set1(top), scale = set1(inverse_temperature), floor = set1(least);
  for (int64_t from = 0; from < n; from += kSampleBlock) {
    const int64_t count = n - from < kSampleBlock ? n - from : kSampleBlock;
    Vec total = zero();
    const auto weight = [&](Vec v) {
      return at_least_or_zero(exp(mul(sub(v, offset), scale)), floor);
    };
    over(
        count,
        [&](int64_t i) {
          const Vec w = weight(load(x + from + i));
          total = add(total, w);
          store(weights + from + i, w);
        },
        [&](int64_t i, int left) {
          const Vec w = first_lanes(weight(load(x + from + i, left)), left, zero());
          total = add(total, w);
          store(weights + from + i, w, left);
        });
    sums[from / kSampleBlock] = sum(total);
  }
}

int64_t collect(int32_t* indices, int64_t room, const float* weights, int64_t n, float least) {
  const Vec floor = set1(least);
  int64_t found = 0;
  const auto note = [&](int64_t at, uint32_t hits) {
    for (; hits != 0 && found < room; hits &= hits - 1)
      indices[found++] = static_cast<int32_t>(at) + __builtin_ctz(hits);
  };
  over(
      n, [&](int64_t i) { note(i, lanes_at_least(load(weights + i), floor)); },
      [&](int64_t i, int left) {
        note(i, lanes_at_least(load(weights + i, left), floor) & ((1u << left) - 1));
      });
  return found;
}

SampleKernels sample_kernels() { return {.top = top, .weigh = weigh, .collect = collect}; }

}  // namespace
}  // namespace weir::kernels
