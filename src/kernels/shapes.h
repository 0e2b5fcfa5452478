// What operations of every device believe of their arguments' shapes.
#pragma once

#include "kernels/check.h"
#include "weir/kernels/view.h"

namespace weir::kernels {

inline const char* name_of(DType type) { return type == DType::float32 ? "float32" : "bfloat16"; }

inline void same_shape(const char* op, const ConstRows& a, const ConstRows& b) {
  believe(a.type == b.type, "%s: one side is %s, the other %s", op, name_of(a.type),
          name_of(b.type));
  believe(a.rows == b.rows && a.cols == b.cols,
          "%s: one side is (%" PRId64 ", %" PRId64 "), the other (%" PRId64 ", %" PRId64 ")", op,
          a.rows, a.cols, b.rows, b.cols);
}

}  // namespace weir::kernels
