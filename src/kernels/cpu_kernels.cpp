#include "kernels/cpu_kernels.h"

namespace weir::kernels {

CpuKernels cpu_kernels(Isa isa) {
  switch (isa) {
    case Isa::amx:
      return {row_kernels_avx512_bf16(), attention_kernels_amx(), sample_kernels_avx512()};
    case Isa::avx512_bf16:
      return {row_kernels_avx512_bf16(), attention_kernels_avx512_bf16(), sample_kernels_avx512()};
    case Isa::avx512:
      return {row_kernels_avx512(), attention_kernels_avx512(), sample_kernels_avx512()};
    case Isa::avx2:
      break;
  }
  return {row_kernels_avx2(), attention_kernels_avx2(), sample_kernels_avx2()};
}

}  // namespace weir::kernels
