// Sampling: one block a row. The definition is the CPU's (cpu_sample.cpp, cpu_logprobs.cpp): what
// is not allowed goes, the edits, NaN, greedy, then temperature, min_p, top_k, top_p and one draw
// over the ids in rising order. Thresholds are searched bit by bit: positive float32 numbers stand
// in the order of their bits.
#include <cfloat>
#include <cmath>

#include "kernels/cuda_kernels.h"
#include "kernels/logit_edit.h"
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

/// The row's weights: positive where an id may be drawn, the greatest 1. The logits, which are read
/// some twenty times, become them once and for all.
struct Weights {
  float* logits;
  int64_t n;
  __device__ void store(float top, float inverse_temperature, float least) const {
    for (int64_t i = threadIdx.x; i < n; i += kSampleThreads) {
      const float w = expf((logits[i] - top) * inverse_temperature);
      logits[i] = w >= least ? w : 0.f;
    }
    __syncthreads();
  }
  __device__ float operator()(int64_t i) const { return logits[i]; }
};

/// The greatest of the logits for which `counts`(logit, id); ties: the lowest id.
template <class Counts>
__device__ Top find_top(const float* logits, int64_t n, Shared& shared, Counts&& counts) {
  Top own{-INFINITY, INT32_MAX, 0};
  for (int64_t i = threadIdx.x; i < n; i += kSampleThreads) {
    const float x = logits[i];
    if (isnan(x)) own.broken = 1;
    if ((x > own.value || own.index == INT32_MAX) && counts(x, static_cast<int32_t>(i)))
      own.value = x, own.index = static_cast<int32_t>(i);
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
template <class F>
__device__ float threshold(const Weights& weights, double goal, Shared& shared, F&& value) {
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
__device__ int32_t draw(const Weights& weights, float least, double u, Shared& shared) {
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

__device__ int32_t draw_truncated(const Weights& weights, const Draw& draw_of, Shared& shared) {
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

/// All but the allowed ids, which rise, go. Thread t clears the t-th gap between them, and so on.
__device__ void keep_allowed(float* logits, int64_t n, const int32_t* allowed, const Part& part) {
  const int32_t count = part.end - part.begin;
  if (count == 0) return;
  for (int32_t gap = 0; gap <= count; ++gap) {
    const int64_t begin = gap == 0 ? 0 : allowed[part.begin + gap - 1] + int64_t{1};
    const int64_t end = gap == count ? n : allowed[part.begin + gap];
    for (int64_t i = begin + threadIdx.x; i < end; i += kSampleThreads) logits[i] = -INFINITY;
  }
  __syncthreads();
}

__device__ void edit(float* logits, const LogitEdit* edits, const Part& part) {
  for (int32_t i = part.begin + threadIdx.x; i < part.end; i += kSampleThreads)
    logits[edits[i].id] = edited(logits[edits[i].id], edits[i]);
  __syncthreads();
}

__global__ void __launch_bounds__(kSampleThreads)
    sample_kernel(int32_t* ids, Lines<float> rows, int64_t n, SampleLists lists) {
  __shared__ Shared shared;
  const Draw params = lists.draws[blockIdx.x];
  float* logits = rows[blockIdx.x];
  if (params.given < 0) {
    keep_allowed(logits, n, lists.allowed, params.allowed);
    edit(logits, lists.edits, params.edits);
  }
  const Top top = find_top(logits, n, shared, [](float, int32_t) { return true; });
  int32_t id = params.given >= 0 ? params.given : top.index;
  if (top.broken != 0) {
    id = kLogitsAreBroken;
  } else if (top.value == -INFINITY) {
    id = kNothingToDraw;
  } else if (params.given < 0 && params.inverse_temperature > 0 && !isinf(top.value)) {
    const Weights weights{logits, n};
    weights.store(top.value, params.inverse_temperature, params.least);
    id = draw_truncated(weights, params, shared);
  }
  if (threadIdx.x == 0) ids[blockIdx.x] = id;
}

/// log of the sum of exp(logit); infinite where a logit is.
__device__ double log_sum(const float* logits, int64_t n, float top, Shared& shared) {
  if (isinf(top)) return top;
  double own = 0;
  for (int64_t i = threadIdx.x; i < n; i += kSampleThreads) own += expf(logits[i] - top);
  return top + log(sum_block(own, shared.sums));
}

__device__ float logprob(float logit, double whole) {
  return logit == whole ? 0.f : static_cast<float>(logit - whole);
}

__global__ void __launch_bounds__(kSampleThreads)
    logprobs_kernel(SampleOut out, int64_t n, SampleLists lists) {
  __shared__ Shared shared;
  const int64_t row = blockIdx.x;
  const int32_t wanted = lists.draws[row].logprobs, id = out.ids[row];
  if (wanted < 0 || id < 0) return;
  const float* logits = lists.untouched + row * n;
  const float own = logits[id];
  Top top = find_top(logits, n, shared, [](float, int32_t) { return true; });
  const double whole = log_sum(logits, n, top.value, shared);
  double at_least = 0;
  for (int64_t i = threadIdx.x; i < n; i += kSampleThreads) at_least += logits[i] >= own;
  at_least = sum_block(at_least, shared.sums);
  if (threadIdx.x == 0) {
    out.logprobs[row] = logprob(own, whole);
    out.ranks[row] = static_cast<int32_t>(at_least);
  }
  for (int32_t i = 0; i < wanted && i < n; ++i) {
    if (threadIdx.x == 0) {
      out.top_ids[row * out.top + i] = top.index;
      out.top_logprobs[row * out.top + i] = logprob(top.value, whole);
    }
    const Top last = top;
    top = find_top(logits, n, shared, [last](float x, int32_t id) {
      return x < last.value || (x == last.value && id > last.index);
    });
  }
}

}  // namespace

void sample(const SampleOut& out, Rows logits, const SampleLists& lists, cudaStream_t stream) {
  const auto rows = static_cast<unsigned>(logits.rows);
  sample_kernel<<<rows, kSampleThreads, 0, stream>>>(out.ids, lines<float>(logits), logits.cols,
                                                     lists);
  launched("sample");
  if (lists.untouched == nullptr) return;
  logprobs_kernel<<<rows, kSampleThreads, 0, stream>>>(out, logits.cols, lists);
  launched("logprobs");
}

}  // namespace weir::kernels::cuda
