// FlashInfer's headers as this folder uses them, and what its prefill kernels share.
#pragma once

#include <flashinfer/utils.cuh>

// FlashInfer compiles a kernel for every group size and every pipeline depth it knows; these are
// the groups that decode by it (the others go to its prefill kernel), and the depth of every device
// from compute capability 8 on.
#undef DISPATCH_GQA_GROUP_SIZE
#define DISPATCH_GQA_GROUP_SIZE(group_size, GROUP_SIZE, ...) \
  switch (group_size) {                                      \
    case 1: {                                                \
      constexpr size_t GROUP_SIZE = 1;                       \
      __VA_ARGS__                                            \
    } break;                                                 \
    case 2: {                                                \
      constexpr size_t GROUP_SIZE = 2;                       \
      __VA_ARGS__                                            \
    } break;                                                 \
    default:                                                 \
      return cudaErrorNotSupported;                          \
  }
#undef DISPATCH_COMPUTE_CAP_DECODE_NUM_STAGES_SMEM
#define DISPATCH_COMPUTE_CAP_DECODE_NUM_STAGES_SMEM(compute_capacity, NUM_STAGES_SMEM, ...) \
  {                                                                                         \
    (void)compute_capacity;                                                                 \
    constexpr uint32_t NUM_STAGES_SMEM = 2;                                                 \
    __VA_ARGS__                                                                             \
  }

#include <cuda_bf16.h>

#include <flashinfer/attention/decode.cuh>
#include <flashinfer/attention/default_decode_params.cuh>
#include <flashinfer/attention/default_prefill_params.cuh>
#include <flashinfer/attention/prefill.cuh>
#include <flashinfer/attention/scheduler.cuh>
#include <flashinfer/attention/variants.cuh>

#include "kernels/check.h"
#include "kernels/cuda_memory.h"

namespace weir::kernels {

using FlashNumber = nv_bfloat16;
using FlashVariant = flashinfer::DefaultAttention<false, false, false, false>;

/// As FlashVariant, with the window and the soft cap of its parameters; each may be off.
/// FlashInfer's own caps by an instruction whose error, times the cap, is a hundredth.
struct BentFlashVariant : flashinfer::AttentionVariantBase {
  static constexpr bool use_softmax = true;
  uint32_t qo_len, kv_len, window_left;
  float sm_scale_log2, power;  // power: of 2, in a capped score's tanh; 0: it is not capped

  template <class Params>
  __device__ __host__ BentFlashVariant(const Params& params, uint32_t row, uint8_t*)
      : qo_len(params.get_qo_len(row)),
        kv_len(params.get_kv_len(row)),
        window_left(params.window_left >= 0 ? params.window_left : kv_len) {
    const float cap = params.logits_soft_cap;
    sm_scale_log2 = flashinfer::math::log2e * (cap > 0 ? cap : params.sm_scale);
    power = cap > 0 ? 2 * flashinfer::math::log2e * params.sm_scale / cap : 0.f;
  }

  REGISTER_LOGITS_TRANSFORM(params, logits, batch_idx, qo_idx, kv_idx, qo_head_idx, kv_head_idx, {
    if (power == 0) return logits;
    // tanh x = 1 - 2 / (e^2x + 1)
    const float raised = flashinfer::math::ptx_exp2(static_cast<float>(logits) * power);
    return static_cast<T>(1 - 2 * flashinfer::math::ptx_rcp(raised + 1));
  })

  REGISTER_LOGITS_MASK(params, batch_idx, qo_idx, kv_idx, qo_head_idx, kv_head_idx,
                       { return kv_idx + qo_len + window_left >= kv_len + qo_idx; })
};

constexpr auto kFlashPositions = flashinfer::PosEncodingMode::kNone;  // rope came before

template <class T>
T* flash_at(const DeviceBuffer& buffer, int64_t offset) {
  return reinterpret_cast<T*>(buffer.data() + offset);
}

inline FlashNumber* flash_numbers(ConstRows rows) {
  return static_cast<FlashNumber*>(const_cast<void*>(rows.data));
}

/// What a plan says of its grid, in the parameters of a prefill kernel.
template <class Params>
void put_grid(Params& params, const flashinfer::PrefillPlanInfo& plan, const DeviceBuffer& ints) {
  params.padded_batch_size = static_cast<uint32_t>(plan.padded_batch_size);
  params.max_total_num_rows = static_cast<uint32_t>(plan.total_num_rows);
  params.request_indices = flash_at<int32_t>(ints, plan.request_indices_offset);
  params.qo_tile_indices = flash_at<int32_t>(ints, plan.qo_tile_indices_offset);
  params.kv_tile_indices = flash_at<int32_t>(ints, plan.kv_tile_indices_offset);
  params.o_indptr = flash_at<int32_t>(ints, plan.o_indptr_offset);
  params.kv_chunk_size_ptr = flash_at<int32_t>(ints, plan.kv_chunk_size_ptr_offset);
}

/// Calls run<tile>() with the plan's tile of queries as a constant. Heads of 256 have no tiles of
/// 128.
template <uint32_t kHeadDim, class F>
void by_tile(int64_t tile, F&& run) {
  switch (tile) {
    case 16:
      return run.template operator()<16>();
    case 64:
      return run.template operator()<64>();
    default:
      if constexpr (kHeadDim < 256) return run.template operator()<128>();
      believe(false, "prefill attention: tiles of %d queries", static_cast<int>(tile));
  }
}

}  // namespace weir::kernels
