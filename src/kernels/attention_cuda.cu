// Attention without tensor cores, for what FlashInfer has not: float32, other head sizes.
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

  /// One more key: an online softmax, keys in rising order.
  __device__ void see(const T* key, const T* value) {
    float score = 0;
#pragma unroll
    for (int i = 0; i < kOfALane; ++i) {
      const int d = lane + 32 * i;
      if (d < head_dim) score += q[i] * to_float(key[d]);
    }
    score = sum_warp(score);
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

__device__ inline int32_t head_of_warp() { return blockIdx.y * kWarps + threadIdx.x / 32; }

template <class T, int kOfALane>
__global__ void paged_kernel(Lines<T> out, Lines<const T> q, PagedKv cache, Ragged ragged,
                             int32_t heads, float scale) {
  const int32_t token = blockIdx.x, head = head_of_warp();
  if (head >= heads) return;
  const int32_t row = row_of(ragged.q_begin, ragged.rows, token);
  const int32_t visible = ragged.kv_length[row] - (ragged.q_begin[row + 1] - token) + 1;
  const int32_t kv_head = head / (heads / cache.kv_heads);
  const int32_t* pages = ragged.page_ids + ragged.page_begin[row];
  Query<T, kOfALane> query(q[token] + head * cache.head_dim, cache.head_dim, scale);
  for (int32_t key = 0; key < visible; ++key) {
    const int64_t page = pages[key / cache.page_size];
    const int64_t at =
        ((page * cache.kv_heads + kv_head) * cache.page_size + key % cache.page_size) *
        cache.head_dim;
    query.see(static_cast<const T*>(cache.keys) + at, static_cast<const T*>(cache.values) + at);
  }
  query.write(out[token] + head * cache.head_dim);
}

template <class T, int kOfALane>
__global__ void ragged_kernel(Lines<T> out, Lines<const T> q, Lines<const T> k, Lines<const T> v,
                              const int32_t* q_begin, int32_t rows, int32_t heads, int32_t kv_heads,
                              int32_t head_dim, float scale) {
  const int32_t token = blockIdx.x, head = head_of_warp();
  if (head >= heads) return;
  const int32_t row = row_of(q_begin, rows, token), kv_head = head / (heads / kv_heads);
  Query<T, kOfALane> query(q[token] + head * head_dim, head_dim, scale);
  for (int32_t key = q_begin[row]; key < q_begin[row + 1]; ++key)
    query.see(k[key] + kv_head * head_dim, v[key] + kv_head * head_dim);
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

void plain_paged_attention(Rows out, ConstRows q, PagedKv cache, const Ragged& ragged, float scale,
                           cudaStream_t stream) {
  const auto heads = static_cast<int32_t>(q.cols / cache.head_dim);
  by_head(q.type, cache.head_dim, [&]<class T, int kOfALane>() {
    paged_kernel<T, kOfALane><<<grid(q.rows, heads), kWarps * 32, 0, stream>>>(
        lines<T>(out), lines<T>(q), cache, ragged, heads, scale);
  });
  launched("paged attention");
}

void plain_ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
                            int32_t head_dim, float scale, cudaStream_t stream) {
  const auto heads = static_cast<int32_t>(q.cols / head_dim),
             kv_heads = static_cast<int32_t>(k.cols / head_dim);
  by_head(q.type, head_dim, [&]<class T, int kOfALane>() {
    ragged_kernel<T, kOfALane><<<grid(q.rows, heads), kWarps * 32, 0, stream>>>(
        lines<T>(out), lines<T>(q), lines<T>(k), lines<T>(v), ragged.q_begin, ragged.rows, heads,
        kv_heads, head_dim, scale);
  });
  launched("ragged attention");
}

}  // namespace weir::kernels::cuda
