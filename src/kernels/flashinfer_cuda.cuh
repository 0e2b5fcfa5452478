// PagedAttention for one head size. Included by one .cu file per head size, so that they compile
// apart.
#pragma once

#include "kernels/cuda_paged.h"
#include "kernels/flashinfer_base_cuda.cuh"

namespace weir::kernels {

/// Kinds of attention: of queries that see what is before them, with a window or a soft cap, or
/// that see all keys. Its kernel for decoding rows reads all keys, so a window has none.
struct FlashCausal {
  using Variant = FlashVariant;
  static constexpr auto kMask = flashinfer::MaskMode::kCausal;
  static constexpr bool kDecodes = true;
};
struct FlashBent {
  using Variant = BentFlashVariant;
  static constexpr auto kMask = flashinfer::MaskMode::kCausal;
  static constexpr bool kDecodes = false;
};
struct FlashOfAll {
  using Variant = FlashVariant;
  static constexpr auto kMask = flashinfer::MaskMode::kNone;
  static constexpr bool kDecodes = true;
};

template <uint32_t kHeadDim, class Kind>
class FlashAttention final : public PagedAttention {
  using Number = FlashNumber;
  using Variant = typename Kind::Variant;
  using DecodeParams = flashinfer::BatchDecodeParams<Number, Number, Number, int32_t>;
  using PrefillParams = flashinfer::BatchPrefillPagedParams<Number, Number, Number, int32_t>;
  static constexpr auto kPositions = kFlashPositions;

 public:
  FlashAttention(PagedShape shape, cudaStream_t stream)
      : shape_(shape),
        stream_(stream),
        splits_(splits()),
        floats_(kFloatBytes),
        ints_(kIntBytes),
        last_page_length_(kMaxRows * sizeof(int32_t)),
        pinned_ints_(kIntBytes, stream),
        pinned_lengths_(kMaxRows * sizeof(int32_t), stream) {}

  void plan(const Ragged& ragged) override {
    copy_last_page_lengths(ragged);
    auto* q_begin = const_cast<int32_t*>(ragged.q_begin_host);
    auto* page_begin = const_cast<int32_t*>(ragged.page_begin_host);
    const auto rows = static_cast<uint32_t>(ragged.rows);
    const bool one_query_each = ragged.tokens == ragged.rows;
    decodes_ = one_query_each && has_decode_kernel();
    // A plan of decode rows is always of the kind that graphs need: its grid depends on the number
    // of rows alone, and so do the places of its arrays. Rows that fill the device by themselves
    // are not split: their partial outputs would outgrow their place.
    if (decodes_) {
      plan_decode(ragged);
    } else {
      cuda_check(flashinfer::PrefillPlan<int32_t>(
                     floats_.data(), kFloatBytes, ints_.data(), pinned_ints_.next(), kIntBytes,
                     prefill_, q_begin, page_begin, static_cast<uint32_t>(ragged.tokens), rows,
                     shape_.heads, shape_.kv_heads, kHeadDim, kHeadDim, shape_.page_size,
                     /*enable_cuda_graph=*/one_query_each, sizeof(Number), window_left(),
                     /*fixed_split_size=*/-1, /*disable_split_kv=*/one_query_each && rows > splits_,
                     /*num_colocated_ctas=*/0,
                     /*uniform_q_len=*/one_query_each ? 1 : 0, stream_),
                 "plan of prefill attention");
    }
    pinned_ints_.queued();
  }

  void run(Rows out, ConstRows q, PagedKv cache, const Ragged& ragged,
           const Attention& attention) override {
    decodes_ ? decode(out, q, cache, ragged, attention) : prefill(out, q, cache, ragged, attention);
  }

 private:
  static constexpr size_t kFloatBytes = 64 << 20, kIntBytes = 4 << 20;
  static constexpr int32_t kMaxRows = 65536;

  /// So many rows at most are cut along their keys, to fill the device.
  uint32_t splits() const {
    int device = 0, processors = 0;
    cuda_check(cudaGetDevice(&device), "the current device");
    cuda_check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
               "the number of multiprocessors");
    return static_cast<uint32_t>(2 * processors / shape_.kv_heads);
  }

  int32_t group() const { return shape_.heads / shape_.kv_heads; }
  // The kernel for single queries multiplies without tensor cores: from three query heads a key on
  // its instructions take longer than memory. The tiled one reads 24 instructions a key then.
  bool has_decode_kernel() const { return Kind::kDecodes && group() <= 2; }

  int32_t window_left() const {
    constexpr int32_t kMost = 1 << 30;  // sums with it are of 32 bits
    return shape_.window > 0 ? std::min(shape_.window - 1, kMost) : -1;
  }

  void plan_decode(const Ragged& ragged) {
    if constexpr (Kind::kDecodes)
      cuda_check(flashinfer::DecodePlan<kHeadDim, kPositions, Variant, DecodeParams>(
                     floats_.data(), kFloatBytes, ints_.data(), pinned_ints_.next(), kIntBytes,
                     decode_, const_cast<int32_t*>(ragged.page_begin_host),
                     static_cast<uint32_t>(ragged.rows), shape_.heads, shape_.page_size,
                     /*enable_cuda_graph=*/true, stream_, work_estimate()),
                 "plan of decode attention");
  }

  using WorkEstimate = decltype(&flashinfer::BatchDecodeWithPagedKVCacheWorkEstimationDispatched<
                                1, kHeadDim, kPositions, Variant, DecodeParams>);
  template <uint32_t kGroup>
  static constexpr WorkEstimate kEstimate =
      flashinfer::BatchDecodeWithPagedKVCacheWorkEstimationDispatched<kGroup, kHeadDim, kPositions,
                                                                      Variant, DecodeParams>;
  WorkEstimate work_estimate() const { return group() == 1 ? kEstimate<1> : kEstimate<2>; }

  void copy_last_page_lengths(const Ragged& ragged) {
    believe(ragged.rows <= kMaxRows, "paged_attention: a step of %d rows; %d are taken",
            ragged.rows, kMaxRows);
    auto* lengths = reinterpret_cast<int32_t*>(pinned_lengths_.next());
    for (int32_t row = 0; row < ragged.rows; ++row) {
      const int32_t keys = ragged.kv_length_host[row];
      const int32_t pages = ragged.page_begin_host[row + 1] - ragged.page_begin_host[row];
      lengths[row] = keys - (pages - 1) * shape_.page_size;
      believe(lengths[row] > 0 && lengths[row] <= shape_.page_size,
              "paged_attention: row %d has %d keys and %d pages of %d", row, keys, pages,
              shape_.page_size);
    }
    cuda_check(cudaMemcpyAsync(last_page_length_.data(), lengths, ragged.rows * sizeof(int32_t),
                               cudaMemcpyHostToDevice, stream_),
               "copy of page lengths");
    pinned_lengths_.queued();
  }

  flashinfer::paged_kv_t<Number, int32_t> pages(PagedKv cache, const Ragged& ragged) const {
    return {static_cast<uint32_t>(cache.kv_heads),
            static_cast<uint32_t>(cache.page_size),
            kHeadDim,
            static_cast<uint32_t>(ragged.rows),
            flashinfer::QKVLayout::kHND,
            static_cast<Number*>(cache.keys),
            static_cast<Number*>(cache.values),
            const_cast<int32_t*>(ragged.page_ids),
            const_cast<int32_t*>(ragged.page_begin),
            reinterpret_cast<int32_t*>(last_page_length_.data())};
  }

  void decode(Rows out, ConstRows q, PagedKv cache, const Ragged& ragged,
              const Attention& attention) {
    DecodeParams params(flash_numbers(q), nullptr, pages(cache, ragged),
                        static_cast<Number*>(out.data), nullptr, nullptr, shape_.heads,
                        static_cast<int32_t>(q.stride), kHeadDim,
                        /*window_left=*/-1, /*logits_soft_cap=*/0, attention.scale, 1.f, 1e4f);
    params.padded_batch_size = decode_.padded_batch_size;
    params.request_indices = flash_at<int32_t>(ints_, decode_.request_indices_offset);
    params.kv_tile_indices = flash_at<int32_t>(ints_, decode_.kv_tile_indices_offset);
    params.o_indptr = flash_at<int32_t>(ints_, decode_.o_indptr_offset);
    params.kv_chunk_size_ptr = flash_at<int32_t>(ints_, decode_.kv_chunk_size_ptr_offset);
    Number* partial = nullptr;
    float* partial_sums = nullptr;
    if (decode_.split_kv) {
      params.block_valid_mask = flash_at<bool>(ints_, decode_.block_valid_mask_offset);
      partial = flash_at<Number>(floats_, decode_.v_offset);
      partial_sums = flash_at<float>(floats_, decode_.s_offset);
    }
    if constexpr (Kind::kDecodes)
      cuda_check(flashinfer::BatchDecodeWithPagedKVCacheDispatched<kHeadDim, kPositions, Variant>(
                     params, partial, partial_sums, /*enable_pdl=*/false, stream_),
                 "decode attention");
  }

  void prefill(Rows out, ConstRows q, PagedKv cache, const Ragged& ragged,
               const Attention& attention) {
    PrefillParams params(flash_numbers(q), pages(cache, ragged), nullptr,
                         const_cast<int32_t*>(ragged.q_begin), nullptr, nullptr,
                         static_cast<Number*>(out.data), nullptr, nullptr, shape_.heads,
                         static_cast<int32_t>(q.stride), kHeadDim, window_left(),
                         attention.soft_cap, attention.scale, 1.f, 1e4f);
    put_grid(params, prefill_, ints_);
    if (prefill_.enable_cuda_graph) {
      params.total_num_rows = flash_at<uint32_t>(ints_, prefill_.total_num_rows_offset);
      params.block_valid_mask = flash_at<bool>(ints_, prefill_.block_valid_mask_offset);
    }
    Number* partial = nullptr;
    float* partial_sums = nullptr;
    if (prefill_.split_kv) {
      params.merge_indptr = flash_at<int32_t>(ints_, prefill_.merge_indptr_offset);
      partial = flash_at<Number>(floats_, prefill_.v_offset);
      partial_sums = flash_at<float>(floats_, prefill_.s_offset);
    }
    by_tile<kHeadDim>(prefill_.cta_tile_q, [&]<uint32_t kTileQ>() {
      prefill_tiled<kTileQ>(params, partial, partial_sums);
    });
  }

  template <uint32_t kTileQ>
  void prefill_tiled(const PrefillParams& params, Number* partial, float* partial_sums) {
    // Causal is bottom-right aligned: the last query sees all keys.
    cuda_check((flashinfer::BatchPrefillWithPagedKVCacheDispatched<
                   /*SAME_KV_STRIDES=*/true, kTileQ, kHeadDim, kHeadDim, kPositions,
                   /*USE_FP16_QK_REDUCTION=*/false, Kind::kMask, Variant>(
                   params, partial, partial_sums, /*enable_pdl=*/false, stream_)),
               "prefill attention");
  }

  PagedShape shape_;
  cudaStream_t stream_;
  const uint32_t splits_;
  DeviceBuffer floats_, ints_, last_page_length_;
  PinnedRing pinned_ints_, pinned_lengths_;
  bool decodes_ = false;
  flashinfer::DecodePlanInfo decode_;
  flashinfer::PrefillPlanInfo prefill_;
};

template <uint32_t kHeadDim>
std::unique_ptr<PagedAttention> make_flash_attention(PagedShape shape, void* stream) {
  const auto on = static_cast<cudaStream_t>(stream);
  if (!shape.causal) return std::make_unique<FlashAttention<kHeadDim, FlashOfAll>>(shape, on);
  if (shape.window > 0 || shape.capped)
    return std::make_unique<FlashAttention<kHeadDim, FlashBent>>(shape, on);
  return std::make_unique<FlashAttention<kHeadDim, FlashCausal>>(shape, on);
}

}  // namespace weir::kernels
