// float32 products, and bfloat16 ones widened to float32, in AVX-512.

#include "kernels/gemm_rows.h"
#include "kernels/gemm_tile.h"
#include "kernels/gemm_vec512.h"

namespace weir::kernels {
namespace {

struct Float32 {
  using V = Vec512;
  using W = __m512;
  static constexpr int kParts = 1, kPanelVectors = 2;
  static constexpr int kMaxRows = 14, kTwoPanelRows = 6, kFourPanelRows = 2;

  static W weight(const void* p, int) { return _mm512_loadu_ps(p); }
  static W activation(const uint32_t* p) {
    return _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(*p)));
  }
  static W multiply_add(W x, W w, W sum) { return _mm512_fmadd_ps(x, w, sum); }
};

struct Widened {
  using V = Vec512;
  using W = __m512;
  static constexpr int kParts = 2, kPanelVectors = 2;
  static constexpr int kMaxRows = 12, kTwoPanelRows = 5, kFourPanelRows = 2;

  static W weight(const void* p, int part) {
    const auto pair = _mm512_loadu_si512(p);
    return _mm512_castsi512_ps(part == 0 ? _mm512_slli_epi32(pair, 16)
                                         : _mm512_and_si512(pair, _mm512_set1_epi32(~0xffff)));
  }
  static W activation(const uint32_t* p) { return Float32::activation(p); }
  static W multiply_add(W x, W w, W sum) { return _mm512_fmadd_ps(x, w, sum); }
};

}  // namespace

const GemmKernel& gemm_float32_avx512() {
  static constexpr GemmKernel kKernel{DType::float32,
                                      32,
                                      Float32::kMaxRows,
                                      Float32::kParts,
                                      pack_rows<Vec512, WordSource>,
                                      panels_of<Float32>,
                                      tile_of<Float32>};
  return kKernel;
}

const GemmKernel& gemm_bfloat16_avx512() {
  static constexpr GemmKernel kKernel{DType::bfloat16,
                                      32,
                                      Widened::kMaxRows,
                                      Widened::kParts,
                                      pack_rows<Vec512, WidenedSource>,
                                      panels_of<Widened>,
                                      tile_of<Widened>};
  return kKernel;
}

}  // namespace weir::kernels
