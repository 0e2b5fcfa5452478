#include "kernels/simd_avx512.h"
// after the vectors it is written in
#include "kernels/simd_math.h"
// after the functions it uses
#include "kernels/sample_impl.h"

namespace weir::kernels {

SampleKernels sample_kernels_avx512() { return sample_kernels(); }

}  // namespace weir::kernels
