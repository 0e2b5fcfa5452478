// float32 products, and bfloat16 ones widened to float32, in AVX2 with FMA.

#include <immintrin.h>

#include "kernels/gemm_rows.h"
#include "kernels/gemm_tile.h"

namespace weir::kernels {
namespace {

struct Vec256 {
  using F = __m256;
  static constexpr int kWidth = 8;
  static constexpr bool kMasksAreFast = false;  // of stores

  static F zero() { return _mm256_setzero_ps(); }
  static F set(float x) { return _mm256_set1_ps(x); }
  static F load(const float* p) { return _mm256_loadu_ps(p); }
  static F load(const uint16_t* p) {
    const auto halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  static void store(float* p, F x) { _mm256_storeu_ps(p, x); }
  /// Rounds to the nearest bfloat16, ties to even; a NaN stays one.
  static void store(uint16_t* p, F x) {
    const auto bits = _mm256_castps_si256(x);
    const auto odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const auto rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const auto quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const auto nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    const auto high = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
    const auto packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(high, high), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
  }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F div(F a, F b) { return _mm256_div_ps(a, b); }
  static F min(F a, F b) { return _mm256_min_ps(a, b); }
  static F max(F a, F b) { return _mm256_max_ps(a, b); }
  static F abs(F a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static F copy_sign(F a, F sign) {
    return _mm256_or_ps(a, _mm256_and_ps(sign, _mm256_set1_ps(-0.0f)));
  }
  static F round(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static F power_of_two(F n) {
    const auto exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }
  static F select_greater(F a, F b, F yes, F no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
  }
  /// Transposes eight vectors as a square.
  static void transpose(F (&rows)[8]) {
    F t[8], u[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      t[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
      t[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
      u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
      u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
      u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
      u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      rows[c] = _mm256_permute2f128_ps(u[c], u[4 + c], 0x20);
      rows[4 + c] = _mm256_permute2f128_ps(u[c], u[4 + c], 0x31);
    }
  }
  static void store_first(uint32_t* p, F x, int count) {
    const auto lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_ps(reinterpret_cast<float*>(p),
                        _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lanes), x);
  }
};

struct Float32 {
  using V = Vec256;
  using W = __m256;
  static constexpr int kParts = 1, kPanelVectors = 2;
  static constexpr int kMaxRows = 6, kTwoPanelRows = 2, kFourPanelRows = 1;

  static W weight(const void* p, int) { return _mm256_loadu_ps(static_cast<const float*>(p)); }
  static W activation(const uint32_t* p) {
    return _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(*p)));
  }
  static W multiply_add(W x, W w, W sum) { return _mm256_fmadd_ps(x, w, sum); }
};

struct Widened {
  using V = Vec256;
  using W = __m256;
  static constexpr int kParts = 2, kPanelVectors = 2;
  static constexpr int kMaxRows = 5, kTwoPanelRows = 2, kFourPanelRows = 1;

  static W weight(const void* p, int part) {
    const auto pair = _mm256_loadu_si256(static_cast<const __m256i*>(p));
    return _mm256_castsi256_ps(part == 0 ? _mm256_slli_epi32(pair, 16)
                                         : _mm256_and_si256(pair, _mm256_set1_epi32(~0xffff)));
  }
  static W activation(const uint32_t* p) { return Float32::activation(p); }
  static W multiply_add(W x, W w, W sum) { return _mm256_fmadd_ps(x, w, sum); }
};

}  // namespace

const GemmKernel& gemm_float32_avx2() {
  static constexpr GemmKernel kKernel{DType::float32,
                                      16,
                                      Float32::kMaxRows,
                                      Float32::kParts,
                                      pack_rows<Vec256, WordSource>,
                                      panels_of<Float32>,
                                      tile_of<Float32>};
  return kKernel;
}

const GemmKernel& gemm_bfloat16_avx2() {
  static constexpr GemmKernel kKernel{DType::bfloat16,
                                      16,
                                      Widened::kMaxRows,
                                      Widened::kParts,
                                      pack_rows<Vec256, WidenedSource>,
                                      panels_of<Widened>,
                                      tile_of<Widened>};
  return kKernel;
}

}  // namespace weir::kernels
