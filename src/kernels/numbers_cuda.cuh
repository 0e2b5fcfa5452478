// Numbers, rows and sums of a block, on the device.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <stdexcept>

#include "kernels/cuda_memory.h"
#include "weir/kernels/view.h"

namespace weir::kernels::cuda {

using bf16 = __nv_bfloat16;

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(bf16 x) { return __bfloat162float(x); }
__device__ inline void put(float* to, float x) { *to = x; }
__device__ inline void put(bf16* to, float x) { *to = __float2bfloat16_rn(x); }

/// The rows of a view, of numbers T.
template <class T>
struct Lines {
  T* data;
  int64_t stride;
  __device__ T* operator[](int64_t row) const { return data + row * stride; }
};
template <class T>
Lines<T> lines(const Rows& rows) {
  return {static_cast<T*>(rows.data), rows.stride};
}
template <class T>
Lines<const T> lines(const ConstRows& rows) {
  return {static_cast<const T*>(rows.data), rows.stride};
}

/// Calls f with a number of `type`.
template <class F>
void by_type(DType type, F&& f) {
  type == DType::float32 ? f(float{}) : f(bf16{});
}

inline void launched(const char* kernel) { cuda_check(cudaGetLastError(), kernel); }

constexpr int kThreads = 256;

/// The x of the thread whose lane differs in the bits of `step`.
template <class T>
__device__ T of_other_lane(T x, int step) {
  return __shfl_xor_sync(0xffffffffu, x, step);
}

/// The reduction of the numbers of a warp, in each of its threads. T is a number, or has its own
/// of_other_lane().
template <class T, class F>
__device__ T reduce_warp(T x, F&& join) {
  for (int step = 16; step > 0; step /= 2) x = join(x, of_other_lane(x, step));
  return x;
}

__device__ inline float sum_warp(float x) {
  return reduce_warp(x, [](float a, float b) { return a + b; });
}

/// The reduction of every thread's number over the block, in each thread; the order of the numbers
/// is fixed. `scratch`: 32 numbers of shared memory.
template <class T, class F>
__device__ T reduce_block(T x, T* scratch, F&& join) {
  x = reduce_warp(x, join);
  __syncthreads();  // the last reduction's scratch is read
  const int warps = static_cast<int>(blockDim.x) / 32, lane = threadIdx.x % 32;
  if (lane == 0) scratch[threadIdx.x / 32] = x;
  __syncthreads();
  T all = scratch[0];
  for (int warp = 1; warp < warps; ++warp) all = join(all, scratch[warp]);
  return all;
}

template <class T>
__device__ T sum_block(T x, T* scratch) {
  return reduce_block(x, scratch, [](T a, T b) { return a + b; });
}

/// The row that a token is of: the last that begins at or before it.
__device__ inline int32_t row_of(const int32_t* q_begin, int32_t rows, int32_t token) {
  int32_t low = 0, high = rows;
  while (high - low > 1) {
    const int32_t middle = (low + high) / 2;
    (q_begin[middle] <= token ? low : high) = middle;
  }
  return low;
}

}  // namespace weir::kernels::cuda
