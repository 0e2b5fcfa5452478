#pragma once

#include <cstdio>
#include <cstdlib>

namespace weir::kernels {

/// Aborts with what was believed when it does not hold: a mistake in this program, never of a
/// request.
inline void believe(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "weir: broken belief: %s\n", what);
  std::abort();
}

}  // namespace weir::kernels
