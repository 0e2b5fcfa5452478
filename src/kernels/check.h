#pragma once

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace weir::kernels {

/// Aborts with what was believed, unless it holds. `format` as of printf.
[[gnu::format(printf, 2, 3)]] inline void believe(bool holds, const char* format, ...) {
  if (holds) return;
  va_list values;
  va_start(values, format);
  std::fputs("weir: broken belief: ", stderr);
  std::vfprintf(stderr, format, values);
  std::fputc('\n', stderr);
  va_end(values);
  std::abort();
}

}  // namespace weir::kernels
