// Sampling: one block a row. The definition is the CPU's (cpu_sample.cpp): banned ids, NaN,
// greedy, then temperature, min_p, top_k, top_p and one draw over the ids in rising order.
// Thresholds are searched bit by bit: positive float32 numbers stand in the order of their bits.
#include <cfloat>
#include <cmath>

#include "kernels/cuda_kernels.h"
#include "kernels/numbers_cuda.cuh"

namespace weir::kernels::cuda {
namespace {

constexpr int kSampleThreads = 1024;
constexpr int kBits = 3;                 // that one pass over the row finds
constexpr int kWays = (1 << kBits) - 1;  // thresholds that it compares with
constexpr int kWarps = kSampleThreads / 32;
constexpr int kTopBit = 30;  // of the greatest weight, 1: 0x3f800000

struct Top {
  float value;
  int32_t index, broken;
};

__device__ Top of_other_lane(const Top& top, int step) {
  return {cuda::of_other_lane(top.value, step), cuda::of_other_lane(top.index, step),
          cuda::of_other_lane(top.broken, step)};
}

struct Shared {
  double sums[kWarps], ways[kWarps][kWays], prefix[kSampleThreads];
  Top tops[kWarps];
  int32_t winner, drawn;
};

/// The row's weights: positive where an id may be drawn, the greatest 1. float32 logits, which are
/// read some twenty times, become their weights once and for all.
template <class T>
struct Weights {
  static constexpr bool kStored = sizeof(T) == sizeof(float);
  T* logits;
  int64_t n;
  float top, inverse_temperature, least;
  __device__ void store() const {
    if constexpr (kStored) {
      for (int64_t i = threadIdx.x; i < n; i += kSampleThreads) logits[i] = weight(i);
      __syncthreads();
    }
  }
  __device__ float operator()(int64_t i) const {
    if constexpr (kStored) return logits[i];
    return weight(i);
  }
  __device__ float weight(int64_t i) const {
    const float w = expf((to_float(logits[i]) - top) * inverse_temperature);
    return w >= least ? w : 0.f;
  }
};

template <class T>
__device__ Top find_top(const T* logits, int64_t n, Shared& shared) {
  Top own{-INFINITY, INT32_MAX, 0};
  for (int64_t i = threadIdx.x; i < n; i += kSampleThreads) {
    const float x = to_float(logits[i]);
    if (isnan(x)) own.broken = 1;
    if (x > own.value) own.value = x, own.index = static_cast<int32_t>(i);
  }
  return reduce_block(own, shared.tops, [](const Top& a, const Top& b) {
    const bool first = a.value > b.value || (a.value == b.value && a.index <= b.index);
    return Top{first ? a.value : b.value, first ? a.index : b.index, a.broken | b.broken};
  });
}

/// How many of the thresholds, which rise, have a sum over the block of at least `goal`.
template <class Sum>
__device__ uint32_t reached(const Sum (&own)[kWays], double goal, Shared& shared) {
  __syncthreads();  // the last sums are read
#pragma unroll
  for (int way = 0; way < kWays; ++way) {
    const Sum sum = reduce_warp(own[way], [](Sum a, Sum b) { return a + b; });
    if (threadIdx.x % 32 == 0) shared.ways[threadIdx.x / 32][way] = static_cast<double>(sum);
  }
  __syncthreads();
  uint32_t count = 0;
#pragma unroll
  for (int way = 0; way < kWays; ++way) {
    double sum = 0;
    for (int warp = 0; warp < kWarps; ++warp) sum += shared.ways[warp][way];
    if (sum >= goal) count = way + 1;
  }
  return count;
}

/// The greatest threshold t at which the sum of value(w) over weights w >= t reaches `goal`; the
/// least positive number where none does.
template <class T, class F>
__device__ float threshold(const Weights<T>& weights, double goal, Shared& shared, F&& value) {
  using Sum = decltype(value(0.f));
  uint32_t found = 0;
  for (int bit = kTopBit - kBits; bit >= 0; bit -= kBits) {
    Sum sums[kWays] = {};
    for (int64_t i = threadIdx.x; i < weights.n; i += kSampleThreads) {
      const float w = weights(i);
      const uint32_t bits = __float_as_uint(w);
#pragma unroll
      for (int way = 0; way < kWays; ++way)
        if (bits >= (found | (way + 1u) << bit)) sums[way] += value(w);
    }
    found |= reached(sums, goal, shared) << bit;
  }
  return found == 0 ? FLT_TRUE_MIN : __uint_as_float(found);
}

/// The first id at which the sum of the weights from `least` on passes their u-th part. Thread t
/// sums the t-th piece of the row, so that the order is the ids'.
template <class T>
__device__ int32_t draw(const Weights<T>& weights, float least, double u, Shared& shared) {
  const int64_t piece = (weights.n + kSampleThreads - 1) / kSampleThreads;
  const int64_t begin = min(threadIdx.x * piece, weights.n), end = min(begin + piece, weights.n);
  double own = 0;
  for (int64_t i = begin; i < end; ++i) {
    const float w = weights(i);
    if (w >= least) own += w;
  }
  shared.prefix[threadIdx.x] = own;
  const double goal = u * sum_block(own, shared.sums);
  __syncthreads();
  if (threadIdx.x == 0) {
    double sum = 0;
    for (int32_t t = 0; t < kSampleThreads && sum <= goal; ++t) {
      if (shared.prefix[t] <= 0) continue;
      shared.winner = t;  // rounding may leave the goal to the last
      shared.sums[0] = sum;
      sum += shared.prefix[t];
    }
  }
  __syncthreads();
  if (static_cast<int32_t>(threadIdx.x) == shared.winner) {
    double sum = shared.sums[0];
    int32_t drawn = -1;
    for (int64_t i = begin; i < end; ++i) {
      const float w = weights(i);
      if (w < least) continue;
      drawn = static_cast<int32_t>(i);
      sum += w;
      if (sum > goal) break;
    }
    shared.drawn = drawn;
  }
  __syncthreads();
  return shared.drawn;
}

template <class T>
__device__ int32_t draw_truncated(const Weights<T>& weights, const Draw& draw_of, Shared& shared) {
  float least = FLT_TRUE_MIN;
  if (draw_of.top_k > 0 && draw_of.top_k < weights.n)
    least = threshold(weights, draw_of.top_k, shared, [](float) { return 1u; });
  if (draw_of.top_p < 1) {
    double own = 0;
    for (int64_t i = threadIdx.x; i < weights.n; i += kSampleThreads) {
      const float w = weights(i);
      if (w >= least) own += w;
    }
    const double kept = sum_block(own, shared.sums);
    least = fmaxf(least, threshold(weights, draw_of.top_p * kept, shared,
                                   [](float w) { return static_cast<double>(w); }));
  }
  return draw(weights, least, draw_of.uniform, shared);
}

template <class T>
__global__ void __launch_bounds__(kSampleThreads)
    sample_kernel(int32_t* ids, Lines<T> rows, int64_t n, const Draw* draws,
                  const int32_t* banned) {
  __shared__ Shared shared;
  const Draw params = draws[blockIdx.x];
  T* logits = rows[blockIdx.x];
  for (int32_t i = params.banned_begin + threadIdx.x; i < params.banned_end; i += kSampleThreads)
    put(logits + banned[i], -INFINITY);
  __syncthreads();
  const Top top = find_top(static_cast<const T*>(logits), n, shared);
  int32_t id = top.index;
  if (top.broken != 0 || top.value == -INFINITY) {
    id = -1;
  } else if (params.inverse_temperature > 0 && !isinf(top.value)) {
    const Weights<T> weights{logits, n, top.value, params.inverse_temperature, params.least};
    weights.store();
    id = draw_truncated(weights, params, shared);
  }
  if (threadIdx.x == 0) ids[blockIdx.x] = id;
}

}  // namespace

void sample(int32_t* ids, Rows logits, const Draw* draws, const int32_t* banned,
            cudaStream_t stream) {
  by_type(logits.type, [&]<class T>(T) {
    sample_kernel<T><<<static_cast<unsigned>(logits.rows), kSampleThreads, 0, stream>>>(
        ids, lines<T>(logits), logits.cols, draws, banned);
  });
  launched("sample");
}

}  // namespace weir::kernels::cuda
