// The CUDA kernels as host functions: each queues its work on `stream`. Shapes and types were
// checked by who calls (ops_cuda.cpp).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "weir/kernels/ops.h"

namespace weir::kernels::cuda {

/// Does each row of bfloat16 begin at 16 bytes, as FlashInfer's loads want it?
inline bool aligned(const ConstRows& rows) {
  return reinterpret_cast<uintptr_t>(rows.data) % 16 == 0 && rows.stride % 8 == 0;
}

/// Throws where this build has no code for the current device.
void check_device();

void take(Rows out, ConstRows x, const int32_t* indices, bool add, cudaStream_t stream);
/// residual.data null: of x alone.
void rms_norm(Rows out, Rows residual, ConstRows x, const void* weight, float eps,
              cudaStream_t stream);
void rms_norm_heads(Rows x, const void* weight, int32_t head_dim, float eps, cudaStream_t stream);
/// residual.data null: of x alone.
void layer_norm(Rows out, ConstRows x, ConstRows residual, const void* weight, const void* bias,
                float eps, cudaStream_t stream);
void rope(Rows qk, const int32_t* positions, const float* cos_sin, int32_t head_dim,
          cudaStream_t stream);
void gate(Rows out, ConstRows gate_up, Act act, cudaStream_t stream);
void activate(Rows x, Act act, cudaStream_t stream);
/// Each state_out[r] of gates_x[r], gates_h[r] and state_in[r].
void gru(Rows state_out, ConstRows gates_x, ConstRows gates_h, ConstRows state_in,
         cudaStream_t stream);
void pool(Rows out, ConstRows hidden, const int32_t* q_begin, const PoolRule& rule,
          cudaStream_t stream);
void append(PagedKv cache, ConstRows k, ConstRows v, const Ragged& ragged, cudaStream_t stream);
/// `from_to`: `pairs` of pages, on the device.
void copy_pages(PagedKv cache, const int32_t* from_to, int32_t pairs, cudaStream_t stream);

/// Heads of another size: cut, or filled up with zeros. Sizes follow from the views' columns.
void resize_heads(Rows out, ConstRows x, int32_t heads, cudaStream_t stream);

/// Attention of any kind, type and head size, without tensor cores: one warp for a query of a head
/// goes through its keys one by one.
void plain_paged_attention(Rows out, ConstRows q, PagedKv cache, const Ragged& ragged,
                           const Attention& attention, cudaStream_t stream);
void plain_ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
                            int32_t head_dim, const Attention& attention, cudaStream_t stream);

/// A part of a list that all rows share.
struct Part {
  int32_t begin, end;
};
/// One row's draw as the kernel reads it. top_k 0, top_p 1: off.
struct Draw {
  float inverse_temperature;  // 0: greedy
  float least;                // min_p: weights below it are 0, the greatest weight being 1
  float top_p;
  float uniform;
  uint32_t top_k;
  Part allowed, edits;
  int32_t given, logprobs;  // as SampleRow has them
};
/// What all rows of a call share, on the device. `untouched`: a copy of the logits, where a row
/// wants logprobs.
struct SampleLists {
  const Draw* draws;
  const int32_t* allowed;
  const LogitEdit* edits;
  const float* untouched;
};
void sample(const SampleOut& out, Rows logits, const SampleLists& lists, cudaStream_t stream);

}  // namespace weir::kernels::cuda
