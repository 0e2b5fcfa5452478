#include "kernels/simd_avx2.h"
// after the vectors it is written in
#include "kernels/simd_math.h"
// after the functions it uses
#include "kernels/rows_impl.h"
// after the rows it is written in
#include "kernels/head_rows_impl.h"

namespace weir::kernels {

RowKernels row_kernels_avx2() { return row_kernels(); }

}  // namespace weir::kernels
