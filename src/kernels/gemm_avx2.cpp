// float32 products, and bfloat16 ones widened to float32, in AVX2 with FMA.
#include "kernels/simd_avx2.h"
// after the vectors it is written in
#include "kernels/simd_math.h"
// after the functions they use
#include "kernels/gemm_rows.h"
#include "kernels/gemm_tile.h"

namespace weir::kernels {
namespace {

/// A pair of bfloat16 as two float32, one after the other.
struct WidenedStep : Float32Step<5, 2, 1> {
  static constexpr int kParts = 2;

  static Vec weight(Vec pairs, int part) {
    return part == 0 ? widen_first(pairs) : widen_second(pairs);
  }
};

}  // namespace

const GemmKernel& gemm_float32_avx2() {
  static constexpr GemmKernel kKernel =
      kernel_of<Float32Step<6, 2, 1>>(DType::float32, pack_rows<WordSource>);
  return kKernel;
}

const GemmKernel& gemm_bfloat16_avx2() {
  static constexpr GemmKernel kKernel =
      kernel_of<WidenedStep>(DType::bfloat16, pack_rows<WidenedSource>);
  return kKernel;
}

}  // namespace weir::kernels
