// bfloat16 products by vdpbf16ps: two inputs of sixteen outputs an instruction.

#include "kernels/gemm_rows.h"
#include "kernels/gemm_tile.h"
#include "kernels/gemm_vec512.h"

namespace weir::kernels {
namespace {

struct Pairs {
  using V = Vec512;
  using W = __m512bh;
  static constexpr int kParts = 1, kPanelVectors = 2;
  static constexpr int kMaxRows = 14, kTwoPanelRows = 6, kFourPanelRows = 2;

  static W weight(const void* p, int) { return reinterpret_cast<W>(_mm512_loadu_si512(p)); }
  static W activation(const uint32_t* p) {
    return reinterpret_cast<W>(_mm512_set1_epi32(static_cast<int>(*p)));
  }
  static __m512 multiply_add(W x, W w, __m512 sum) { return _mm512_dpbf16_ps(sum, w, x); }
};

}  // namespace

const GemmKernel& gemm_bfloat16_avx512_bf16() {
  static constexpr GemmKernel kKernel{DType::bfloat16,
                                      32,
                                      Pairs::kMaxRows,
                                      Pairs::kParts,
                                      pack_rows<Vec512, PairSource>,
                                      panels_of<Pairs>,
                                      tile_of<Pairs>};
  return kKernel;
}

}  // namespace weir::kernels
