// Operations over rows: one block a row, the row's numbers in strides of a block.
#include "kernels/cuda_kernels.h"
#include "kernels/numbers_cuda.cuh"
#include "kernels/pooled_tokens.h"
#include "weir/kernels/cuda_ops.h"

namespace weir::kernels {
namespace cuda {
namespace {

template <class Out, class In>
__global__ void take_kernel(Lines<Out> out, Lines<const In> x, const int32_t* indices, int64_t cols,
                            bool add) {
  Out* to = out[blockIdx.x];
  const In* from = x[indices[blockIdx.x]];
  for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
    put(to + c, add ? to_float(to[c]) + to_float(from[c]) : to_float(from[c]));
}

template <class T>
__global__ void rms_norm_kernel(Lines<T> out, Lines<T> residual, Lines<const T> x, const T* weight,
                                int64_t cols, float eps) {
  __shared__ float scratch[32];
  T* to = out[blockIdx.x];
  const T* from = x[blockIdx.x];
  float square = 0;
  if (residual.data != nullptr) {
    T* sum = residual[blockIdx.x];
    for (int64_t c = threadIdx.x; c < cols; c += blockDim.x) {
      put(sum + c, to_float(sum[c]) + to_float(from[c]));
      square += to_float(sum[c]) * to_float(sum[c]);
    }
    from = sum;
  } else {
    for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
      square += to_float(from[c]) * to_float(from[c]);
  }
  const float mean = sum_block(square, scratch) / static_cast<float>(cols);
  const float scale = 1.f / sqrtf(mean + eps);
  // Each thread reads what it wrote itself.
  for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
    put(to + c, to_float(from[c]) * scale * to_float(weight[c]));
}

// One warp a head.
template <class T>
__global__ void rms_norm_heads_kernel(Lines<T> x, const T* weight, int32_t heads, int32_t head_dim,
                                      float eps) {
  const int32_t lane = threadIdx.x % 32, warps = blockDim.x / 32;
  for (int32_t head = threadIdx.x / 32; head < heads; head += warps) {
    T* numbers = x[blockIdx.x] + head * head_dim;
    const T* gains = weight + head * head_dim;
    float square = 0;
    for (int32_t d = lane; d < head_dim; d += 32)
      square += to_float(numbers[d]) * to_float(numbers[d]);
    const float scale = 1.f / sqrtf(sum_warp(square) / static_cast<float>(head_dim) + eps);
    for (int32_t d = lane; d < head_dim; d += 32)
      put(numbers + d, to_float(numbers[d]) * scale * to_float(gains[d]));
  }
}

template <class T>
__global__ void layer_norm_kernel(Lines<T> out, Lines<const T> x, Lines<const T> residual,
                                  const T* weight, const T* bias, int64_t cols, float eps) {
  __shared__ float scratch[32];
  const T* from = x[blockIdx.x];
  const T* added = residual.data != nullptr ? residual[blockIdx.x] : nullptr;
  T* to = out[blockIdx.x];
  const auto at = [&](int64_t c) {
    return to_float(from[c]) + (added != nullptr ? to_float(added[c]) : 0.f);
  };
  float total = 0, square = 0;
  for (int64_t c = threadIdx.x; c < cols; c += blockDim.x) total += at(c);
  const float mean = sum_block(total, scratch) / static_cast<float>(cols);
  for (int64_t c = threadIdx.x; c < cols; c += blockDim.x) {
    const float d = at(c) - mean;
    square += d * d;
  }
  const float scale = 1.f / sqrtf(sum_block(square, scratch) / static_cast<float>(cols) + eps);
  for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
    put(to + c, (at(c) - mean) * scale * to_float(weight[c]) + to_float(bias[c]));
}

template <class T>
__global__ void rope_kernel(Lines<T> qk, const int32_t* positions, const float* cos_sin,
                            int64_t cols, int32_t head_dim) {
  T* token = qk[blockIdx.x];
  const int32_t half = head_dim / 2;
  const float* cosine = cos_sin + int64_t{positions[blockIdx.x]} * head_dim;
  const float* sine = cosine + half;
  for (int64_t pair = threadIdx.x; pair < cols / 2; pair += blockDim.x) {
    const int64_t head = pair / half, i = pair % half;
    T* lower = token + head * head_dim + i;
    T* upper = lower + half;
    const float a = to_float(*lower), b = to_float(*upper);
    put(lower, a * cosine[i] - b * sine[i]);
    put(upper, b * cosine[i] + a * sine[i]);
  }
}

__device__ float acted(Act act, float x) {
  switch (act) {
    case Act::none:
      break;
    case Act::gelu:
      return 0.5f * x * (1.f + erff(x * 0.70710678118654752f));
    case Act::gelu_tanh:
      return 0.5f * x * (1.f + tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x)));
    case Act::tanh:
      return tanhf(x);
    case Act::relu:
      return x < 0 ? 0.f : x;  // NaN stays NaN
    case Act::silu:
      return x / (1.f + expf(-x));
  }
  return x;
}

template <class T>
__global__ void gate_kernel(Lines<T> out, Lines<const T> gate_up, int64_t inner, Act act) {
  T* to = out[blockIdx.x];
  const T* gates = gate_up[blockIdx.x];
  for (int64_t c = threadIdx.x + int64_t{blockIdx.y} * blockDim.x; c < inner;
       c += int64_t{blockDim.x} * gridDim.y)
    put(to + c, acted(act, to_float(gates[c])) * to_float(gates[inner + c]));
}

template <class T>
__global__ void activate_kernel(Lines<T> x, int64_t cols, Act act) {
  T* row = x[blockIdx.x];
  for (int64_t c = threadIdx.x; c < cols; c += blockDim.x)
    put(row + c, acted(act, to_float(row[c])));
}

__global__ void gru_kernel(Lines<float> out, Lines<const float> x, Lines<const float> h,
                           Lines<const float> state, int64_t width) {
  const int64_t r = blockIdx.x;
  const auto sigmoid = [](float v) { return 1.f / (1.f + expf(-v)); };
  for (int64_t j = threadIdx.x; j < width; j += blockDim.x) {
    const float reset = sigmoid(x[r][j] + h[r][j]);
    const float kept = sigmoid(x[r][width + j] + h[r][width + j]);
    const float fresh = tanhf(x[r][2 * width + j] + reset * h[r][2 * width + j]);
    out[r][j] = fresh + kept * (state[r][j] - fresh);
  }
}

template <class T>
__global__ void pool_kernel(Lines<float> out, Lines<const T> hidden, const int32_t* q_begin,
                            int64_t cols, PoolRule rule) {
  __shared__ float scratch[32];
  float* to = out[blockIdx.x];
  const PooledTokens tokens =
      pooled_tokens(rule, blockIdx.x, q_begin[blockIdx.x], q_begin[blockIdx.x + 1] - 1);
  float square = 0;
  for (int64_t c = threadIdx.x; c < cols; c += blockDim.x) {
    float sum = rule.pooling == Pooling::max ? -INFINITY : 0.f;
    for (int32_t t = tokens.from; t <= tokens.to; ++t) {
      const float value = to_float(hidden[t][c]);
      if (rule.pooling == Pooling::max)
        sum = fmaxf(sum, value);
      else
        sum += rule.pooling == Pooling::weighted ? value * (t - tokens.first + 1) : value;
    }
    to[c] = sum;
    square += sum * sum;
  }
  float scale = pool_scale(rule.pooling, tokens);
  if (rule.normalize) {
    square = sum_block(square, scratch);
    scale = square > 0 ? 1.f / sqrtf(square) : 0.f;
  }
  for (int64_t c = threadIdx.x; c < cols; c += blockDim.x) to[c] *= scale;
}

template <class T>
__global__ void append_kernel(PagedKv cache, Lines<const T> k, Lines<const T> v, Ragged ragged) {
  const int32_t token = blockIdx.x, row = row_of(ragged.q_begin, ragged.rows, token);
  const int32_t position = ragged.kv_length[row] - (ragged.q_begin[row + 1] - token);
  const int64_t page = ragged.page_ids[ragged.page_begin[row] + position / cache.page_size];
  const int32_t slot = position % cache.page_size, cols = cache.kv_heads * cache.head_dim;
  for (int32_t c = threadIdx.x; c < cols; c += blockDim.x) {
    const int32_t head = c / cache.head_dim, d = c % cache.head_dim;
    const int64_t to =
        ((page * cache.kv_heads + head) * cache.page_size + slot) * cache.head_dim + d;
    static_cast<T*>(cache.keys)[to] = k[token][c];
    static_cast<T*>(cache.values)[to] = v[token][c];
  }
}

template <class T>
__global__ void resize_heads_kernel(Lines<T> out, Lines<const T> x, int32_t heads, int32_t to,
                                    int32_t from) {
  T* line = out[blockIdx.x];
  const T* source = x[blockIdx.x];
  for (int32_t i = threadIdx.x; i < heads * to; i += kThreads) {
    const int32_t head = i / to, d = i % to;
    line[i] = d < from ? source[head * from + d] : T(0.f);
  }
}

template <class T>
__global__ void copy_pages_kernel(T* keys, T* values, const int32_t* from_to, int64_t elements) {
  T* side = blockIdx.y == 0 ? keys : values;
  const T* from = side + from_to[2 * blockIdx.x] * elements;
  T* to = side + from_to[2 * blockIdx.x + 1] * elements;
  for (int64_t i = threadIdx.x; i < elements; i += blockDim.x) to[i] = from[i];
}

__global__ void put_sampled_kernel(int32_t* ids, const int32_t* sampled, const int32_t* places,
                                   const int32_t* lines, int32_t count) {
  const int32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  // A row without an answer (-1) ends when its answer is read; until then any token will do.
  if (i < count) ids[places[i]] = max(sampled[lines[i]], 0);
}

unsigned blocks(int64_t rows) { return static_cast<unsigned>(rows); }

}  // namespace

void take(Rows out, ConstRows x, const int32_t* indices, bool add, cudaStream_t stream) {
  by_type(out.type, [&]<class Out>(Out) {
    by_type(x.type, [&]<class In>(In) {
      take_kernel<<<blocks(out.rows), kThreads, 0, stream>>>(lines<Out>(out), lines<In>(x), indices,
                                                             out.cols, add);
    });
  });
  launched("take");
}

void rms_norm(Rows out, Rows residual, ConstRows x, const void* weight, float eps,
              cudaStream_t stream) {
  by_type(x.type, [&]<class T>(T) {
    rms_norm_kernel<T><<<blocks(x.rows), kThreads, 0, stream>>>(
        lines<T>(out), lines<T>(residual), lines<T>(x), static_cast<const T*>(weight), x.cols, eps);
  });
  launched("rms_norm");
}

void rms_norm_heads(Rows x, const void* weight, int32_t head_dim, float eps, cudaStream_t stream) {
  const auto heads = static_cast<int32_t>(x.cols / head_dim);
  by_type(x.type, [&]<class T>(T) {
    rms_norm_heads_kernel<T><<<blocks(x.rows), kThreads, 0, stream>>>(
        lines<T>(x), static_cast<const T*>(weight), heads, head_dim, eps);
  });
  launched("rms_norm_heads");
}

void layer_norm(Rows out, ConstRows x, ConstRows residual, const void* weight, const void* bias,
                float eps, cudaStream_t stream) {
  by_type(x.type, [&]<class T>(T) {
    layer_norm_kernel<T><<<blocks(x.rows), kThreads, 0, stream>>>(
        lines<T>(out), lines<T>(x), lines<T>(residual), static_cast<const T*>(weight),
        static_cast<const T*>(bias), x.cols, eps);
  });
  launched("layer_norm");
}

void rope(Rows qk, const int32_t* positions, const float* cos_sin, int32_t head_dim,
          cudaStream_t stream) {
  by_type(qk.type, [&]<class T>(T) {
    rope_kernel<T><<<blocks(qk.rows), kThreads, 0, stream>>>(lines<T>(qk), positions, cos_sin,
                                                             qk.cols, head_dim);
  });
  launched("rope");
}

void gate(Rows out, ConstRows gate_up, Act act, cudaStream_t stream) {
  // Few rows are wide: several blocks share one.
  const auto parts = static_cast<unsigned>((out.cols + 4 * kThreads - 1) / (4 * kThreads));
  by_type(out.type, [&]<class T>(T) {
    gate_kernel<T><<<dim3(blocks(out.rows), parts), kThreads, 0, stream>>>(
        lines<T>(out), lines<T>(gate_up), out.cols, act);
  });
  launched("gate");
}

void activate(Rows x, Act act, cudaStream_t stream) {
  by_type(x.type, [&]<class T>(T) {
    activate_kernel<T><<<blocks(x.rows), kThreads, 0, stream>>>(lines<T>(x), x.cols, act);
  });
  launched("activate");
}

void gru(Rows state_out, ConstRows gates_x, ConstRows gates_h, ConstRows state_in,
         cudaStream_t stream) {
  gru_kernel<<<blocks(state_out.rows), kThreads, 0, stream>>>(
      lines<float>(state_out), lines<float>(gates_x), lines<float>(gates_h), lines<float>(state_in),
      state_out.cols);
  launched("gru");
}

void pool(Rows out, ConstRows hidden, const int32_t* q_begin, const PoolRule& rule,
          cudaStream_t stream) {
  by_type(hidden.type, [&]<class T>(T) {
    pool_kernel<T><<<blocks(out.rows), kThreads, 0, stream>>>(lines<float>(out), lines<T>(hidden),
                                                              q_begin, out.cols, rule);
  });
  launched("pool");
}

void append(PagedKv cache, ConstRows k, ConstRows v, const Ragged& ragged, cudaStream_t stream) {
  by_type(k.type, [&]<class T>(T) {
    append_kernel<T>
        <<<blocks(k.rows), kThreads, 0, stream>>>(cache, lines<T>(k), lines<T>(v), ragged);
  });
  launched("append");
}

void resize_heads(Rows out, ConstRows x, int32_t heads, cudaStream_t stream) {
  const auto to = static_cast<int32_t>(out.cols / heads),
             from = static_cast<int32_t>(x.cols / heads);
  by_type(out.type, [&]<class T>(T) {
    resize_heads_kernel<T>
        <<<blocks(out.rows), kThreads, 0, stream>>>(lines<T>(out), lines<T>(x), heads, to, from);
  });
  launched("resize_heads");
}

void check_device() {
  cudaFuncAttributes attributes;
  cuda_check(cudaFuncGetAttributes(&attributes, put_sampled_kernel),
             "this build's kernels on this GPU");
}

void copy_pages(PagedKv cache, const int32_t* from_to, int32_t pairs, cudaStream_t stream) {
  const int64_t elements = int64_t{cache.kv_heads} * cache.page_size * cache.head_dim;
  by_type(cache.type, [&]<class T>(T) {
    copy_pages_kernel<T><<<dim3(blocks(pairs), 2), kThreads, 0, stream>>>(
        static_cast<T*>(cache.keys), static_cast<T*>(cache.values), from_to, elements);
  });
  launched("copy_pages");
}

}  // namespace cuda

void put_sampled(int32_t* ids, const int32_t* sampled, const SampledPlaces& places, void* stream) {
  if (places.count == 0) return;
  const unsigned blocks = (places.count + cuda::kThreads - 1) / cuda::kThreads;
  cuda::put_sampled_kernel<<<blocks, cuda::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      ids, sampled, places.tokens, places.lines, places.count);
  cuda::launched("put_sampled");
}

}  // namespace weir::kernels
