// Attention without tensor cores, for what FlashInfer has not: float32, other head sizes, biases.
#include <cmath>

#include "kernels/check.h"
#include "kernels/cuda_kernels.h"
#include "kernels/numbers_cuda.cuh"

namespace weir::kernels::cuda {
namespace {

constexpr int kWarps = 4;  // of a block: each takes a query of a head of its own
constexpr int kMostOfALane = kMaxHeadDim / 32;  // numbers of a head
constexpr float kNone = -INFINITY;

/// One query of one head: its numbers d = lane, lane + 32, ..., at most `kOfALane`.
template <class T, int kOfALane>
struct Query {
  float q[kOfALane], out[kOfALane] = {};
  float greatest = kNone, sum = 0;
  int32_t head_dim, lane;

  __device__ Query(const T* from, int32_t dim, float scale)
      : head_dim(dim), lane(threadIdx.x % 32) {
#pragma unroll
    for (int i = 0; i < kOfALane; ++i) {
      const int d = lane + 32 * i;
      q[i] = d < head_dim ? to_float(from[d]) * scale : 0.f;
    }
  }

  __device__ float score(const T* key) const {
    float score = 0;
#pragma unroll
    for (int i = 0; i < kOfALane; ++i) {
      const int d = lane + 32 * i;
      if (d < head_dim) score += q[i] * to_float(key[d]);
    }
    return sum_warp(score);
  }

  /// One more key of such a score: an online softmax, keys in rising order.
  __device__ void add(float score, const T* value) {
    const float now = fmaxf(greatest, score), kept = expf(greatest - now),
                weight = expf(score - now);
    sum = sum * kept + weight;
    greatest = now;
#pragma unroll
    for (int i = 0; i < kOfALane; ++i) {
      const int d = lane + 32 * i;
      if (d < head_dim) out[i] = out[i] * kept + weight * to_float(value[d]);
    }
  }

  __device__ void write(T* to) const {
#pragma unroll
    for (int i = 0; i < kOfALane; ++i) {
      const int d = lane + 32 * i;
      if (d < head_dim) put(to + d, out[i] / sum);
    }
  }
};

/// What an Attention says of a query at `position` among `keys` keys.
struct Sight {
  const Attention& attention;
  int32_t head, position, keys;

  __device__ int32_t first() const {
    return attention.window == 0 ? 0 : max(0, position + 1 - attention.window);
  }
  __device__ int32_t end() const {
    if (attention.causal) return position + 1;
    // Not their sum, which a wide window would overflow.
    return attention.window == 0 || attention.window > keys - position
               ? keys
               : position + attention.window;
  }
  /// A scaled score, capped and biased.
  __device__ float bend(float score, int32_t key) const {
    const auto& [data, left, right] = attention.bias;
    if (attention.soft_cap > 0) score = attention.soft_cap * tanhf(score / attention.soft_cap);
    if (data == nullptr) return score;
    const int64_t distance = min(max(key - position, -left), right);
    return score + data[int64_t{head} * (left + 1 + right) + left + distance];
  }
};

__device__ inline int32_t head_of_warp() { return blockIdx.y * kWarps + threadIdx.x / 32; }

template <class T, int kOfALane>
__global__ void paged_kernel(Lines<T> out, Lines<const T> q, PagedKv cache, Ragged ragged,
                             int32_t heads, Attention attention) {
  const int32_t token = blockIdx.x, head = head_of_warp();
  if (head >= heads) return;
  const int32_t row = row_of(ragged.q_begin, ragged.rows, token), keys = ragged.kv_length[row];
  const Sight sight{attention, head, keys - (ragged.q_begin[row + 1] - token), keys};
  const int32_t kv_head = head / (heads / cache.kv_heads);
  const int32_t* pages = ragged.page_ids + ragged.page_begin[row];
  Query<T, kOfALane> query(q[token] + head * cache.head_dim, cache.head_dim, attention.scale);
  for (int32_t key = sight.first(); key < sight.end(); ++key) {
    const int64_t page = pages[key / cache.page_size];
    const int64_t at =
        ((page * cache.kv_heads + kv_head) * cache.page_size + key % cache.page_size) *
        cache.head_dim;
    const float score = query.score(static_cast<const T*>(cache.keys) + at);
    query.add(sight.bend(score, key), static_cast<const T*>(cache.values) + at);
  }
  query.write(out[token] + head * cache.head_dim);
}

template <class T, int kOfALane>
__global__ void ragged_kernel(Lines<T> out, Lines<const T> q, Lines<const T> k, Lines<const T> v,
                              const int32_t* q_begin, int32_t rows, int32_t heads, int32_t kv_heads,
                              int32_t head_dim, Attention attention) {
  const int32_t token = blockIdx.x, head = head_of_warp();
  if (head >= heads) return;
  const int32_t row = row_of(q_begin, rows, token), column = head / (heads / kv_heads) * head_dim;
  const int32_t begin = q_begin[row];
  const Sight sight{attention, head, token - begin, q_begin[row + 1] - begin};
  Query<T, kOfALane> query(q[token] + head * head_dim, head_dim, attention.scale);
  for (int32_t key = sight.first(); key < sight.end(); ++key) {
    const float score = query.score(k[begin + key] + column);
    query.add(sight.bend(score, key), v[begin + key] + column);
  }
  query.write(out[token] + head * head_dim);
}

dim3 grid(int64_t tokens, int32_t heads) {
  return dim3(static_cast<unsigned>(tokens), static_cast<unsigned>((heads + kWarps - 1) / kWarps));
}

/// Calls run<T, numbers of a lane>() with the least that holds a head.
template <class F>
void by_head(DType type, int32_t head_dim, F&& run) {
  believe(takes_heads_of(head_dim), "attention: heads of %d; even numbers to %d are taken",
          head_dim, kMaxHeadDim);
  by_type(type, [&]<class T>(T) {
    if (head_dim <= 32) return run.template operator()<T, 1>();
    if (head_dim <= 64) return run.template operator()<T, 2>();
    if (head_dim <= 128) return run.template operator()<T, 4>();
    run.template operator()<T, kMostOfALane>();
  });
}

}  // namespace

void plain_paged_attention(Rows out, ConstRows q, PagedKv cache, const Ragged& ragged,
                           const Attention& attention, cudaStream_t stream) {
  const auto heads = static_cast<int32_t>(q.cols / cache.head_dim);
  by_head(q.type, cache.head_dim, [&]<class T, int kOfALane>() {
    paged_kernel<T, kOfALane><<<grid(q.rows, heads), kWarps * 32, 0, stream>>>(
        lines<T>(out), lines<T>(q), cache, ragged, heads, attention);
  });
  launched("paged attention");
}

void plain_ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
                            int32_t head_dim, const Attention& attention, cudaStream_t stream) {
  const auto heads = static_cast<int32_t>(q.cols / head_dim),
             kv_heads = static_cast<int32_t>(k.cols / head_dim);
  by_head(q.type, head_dim, [&]<class T, int kOfALane>() {
    ragged_kernel<T, kOfALane><<<grid(q.rows, heads), kWarps * 32, 0, stream>>>(
        lines<T>(out), lines<T>(q), lines<T>(k), lines<T>(v), ragged.q_begin, ragged.rows, heads,
        kv_heads, head_dim, attention);
  });
  launched("ragged attention");
}

}  // namespace weir::kernels::cuda
