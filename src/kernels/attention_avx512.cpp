#include "kernels/simd_avx512.h"
// after the vectors it is written in
#include "kernels/simd_math.h"
// after the functions it uses
#include "kernels/attention_impl.h"
#include "kernels/cpu_kernels.h"

namespace weir::kernels {

AttentionKernels attention_kernels_avx512() { return {.run = run, .merge = merge}; }

}  // namespace weir::kernels
