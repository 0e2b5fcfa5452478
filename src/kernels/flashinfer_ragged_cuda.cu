#include "kernels/cuda_kernels.h"
#include "kernels/cuda_ragged.h"
#include "kernels/flashinfer_base_cuda.cuh"

namespace weir::kernels {
namespace {

template <uint32_t kHeadDim>
class FlashRaggedAttention final : public RaggedAttention {
  using Params =
      flashinfer::BatchPrefillRaggedParams<FlashNumber, FlashNumber, FlashNumber, int32_t>;

 public:
  FlashRaggedAttention(RaggedShape shape, cudaStream_t stream)
      : shape_(shape), stream_(stream), ints_(kIntBytes), pinned_ints_(kIntBytes, stream) {}

  // Keys are not cut: a row's sums then depend on nothing else in the step but its tile's size.
  void plan(const Ragged& ragged) override {
    auto* begin = const_cast<int32_t*>(ragged.q_begin_host);
    cuda_check(flashinfer::PrefillPlan<int32_t>(
                   nullptr, 0, ints_.data(), pinned_ints_.next(), kIntBytes, plan_, begin, begin,
                   static_cast<uint32_t>(ragged.tokens), static_cast<uint32_t>(ragged.rows),
                   shape_.heads, shape_.kv_heads, kHeadDim, kHeadDim, /*page_size=*/1,
                   /*enable_cuda_graph=*/false, sizeof(FlashNumber), /*window_left=*/-1,
                   /*fixed_split_size=*/-1, /*disable_split_kv=*/true, /*num_colocated_ctas=*/0,
                   /*uniform_q_len=*/0, stream_),
               "plan of ragged attention");
    pinned_ints_.queued();
  }

  void run(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
           float scale) override {
    if (shape_.head_dim == kHeadDim && cuda::aligned(q) && cuda::aligned(k) && cuda::aligned(v) &&
        cuda::aligned(out) && out.stride == out.cols)
      return attend(out, q, k, v, ragged, scale);
    const int64_t q_cols = int64_t{shape_.heads} * kHeadDim,
                  kv_cols = int64_t{shape_.kv_heads} * kHeadDim;
    const int64_t numbers = q.rows * 2 * (q_cols + kv_cols);
    if (padded_.bytes() < numbers * sizeof(FlashNumber))
      padded_ = DeviceBuffer(static_cast<size_t>(numbers) * sizeof(FlashNumber));
    auto* next = reinterpret_cast<FlashNumber*>(padded_.data());
    const auto part = [&](int64_t cols) {
      const Rows rows{next, DType::bfloat16, q.rows, cols, cols};
      next += q.rows * cols;
      return rows;
    };
    const Rows wide_q = part(q_cols), wide_k = part(kv_cols), wide_v = part(kv_cols),
               wide_out = part(q_cols);
    cuda::resize_heads(wide_q, q, shape_.heads, stream_);
    cuda::resize_heads(wide_k, k, shape_.kv_heads, stream_);
    cuda::resize_heads(wide_v, v, shape_.kv_heads, stream_);
    attend(wide_out, wide_q, wide_k, wide_v, ragged, scale);
    cuda::resize_heads(out, wide_out, shape_.heads, stream_);
  }

 private:
  static constexpr size_t kIntBytes = 4 << 20;

  void attend(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged, float scale) {
    auto* begin = const_cast<int32_t*>(ragged.q_begin);
    Params params(flash_numbers(q), flash_numbers(k), flash_numbers(v), nullptr, begin, begin,
                  nullptr, nullptr, nullptr, static_cast<FlashNumber*>(out.data), nullptr, nullptr,
                  shape_.heads, shape_.kv_heads, static_cast<uint32_t>(q.stride), kHeadDim,
                  static_cast<uint32_t>(k.stride), kHeadDim, /*window_left=*/-1,
                  /*logits_soft_cap=*/0, scale, 1.f, 1e4f);
    put_grid(params, plan_, ints_);
    by_tile<kHeadDim>(plan_.cta_tile_q, [&]<uint32_t kTileQ>() {
      cuda_check((flashinfer::BatchPrefillWithRaggedKVCacheDispatched<
                     kTileQ, kHeadDim, kHeadDim, kFlashPositions, /*USE_FP16_QK_REDUCTION=*/false,
                     flashinfer::MaskMode::kNone, FlashVariant>(params, nullptr, nullptr,
                                                                /*enable_pdl=*/false, stream_)),
                 "ragged attention");
    });
  }

  const RaggedShape shape_;
  cudaStream_t stream_;
  DeviceBuffer ints_, padded_;
  PinnedRing pinned_ints_;
  flashinfer::PrefillPlanInfo plan_;
};

}  // namespace

std::unique_ptr<RaggedAttention> make_ragged_attention(RaggedShape shape, void* stream) {
  const auto on = static_cast<cudaStream_t>(stream);
  if (shape.head_dim <= 64) return std::make_unique<FlashRaggedAttention<64>>(shape, on);
  if (shape.head_dim <= 128) return std::make_unique<FlashRaggedAttention<128>>(shape, on);
  return nullptr;
}

}  // namespace weir::kernels
