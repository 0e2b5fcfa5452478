#pragma once

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "weir/base/last_words.h"

namespace weir::kernels {

/// Aborts with what was believed, unless it holds. `format` as of printf.
[[gnu::format(printf, 2, 3)]] inline void believe(bool holds, const char* format, ...) {
  if (holds) return;
  va_list values;
  va_start(values, format);
  char text[512] = {};
  std::vsnprintf(text, sizeof text, format, values);
  va_end(values);
  last_words(std::string("weir: broken belief: ") + text + '\n');
  std::abort();
}

}  // namespace weir::kernels
