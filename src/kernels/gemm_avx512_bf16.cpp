// bfloat16 products by vdpbf16ps: two inputs of sixteen outputs an instruction.
#include "kernels/simd_avx512.h"
// after the vectors it is written in
#include "kernels/simd_math.h"
// after the functions they use
#include "kernels/gemm_rows.h"
#include "kernels/gemm_tile.h"
// after the tile
#include "kernels/gemm_coded_tile.h"

namespace weir::kernels {
namespace {

struct PairStep : Float32Step<14, 6, 2> {
  static Vec multiply_add(Vec x, Vec w, Vec sum) { return dot_pairs(w, x, sum); }
};

}  // namespace

const GemmKernel& gemm_bfloat16_avx512_bf16() {
  static constexpr GemmKernel kKernel =
      kernel_of<PairStep>(DType::bfloat16, pack_rows<PairSource>, coded_tile_of<PairStep>);
  return kKernel;
}

}  // namespace weir::kernels
