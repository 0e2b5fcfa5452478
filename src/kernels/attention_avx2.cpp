#include "kernels/simd_avx2.h"
// after the vectors it is written in
#include "kernels/simd_math.h"
// after the functions it uses
#include "kernels/attention_impl.h"
#include "kernels/cpu_kernels.h"

namespace weir::kernels {

AttentionKernels attention_kernels_avx2() { return {.run = run, .merge = merge}; }

}  // namespace weir::kernels
