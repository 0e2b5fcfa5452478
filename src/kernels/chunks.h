#pragma once

#include <algorithm>
#include <cstdint>

#include "weir/kernels/thread_pool.h"

namespace weir::kernels {

/// Below this much memory to go through, a hand-over to another thread costs more than it saves.
constexpr int64_t kInlineBytes = 64 << 10;

/// body(begin, end) over [0, rows) in chunks of `pool`; in the calling thread when there is little
/// to do.
template <class Body>
void over_rows(ThreadPool& pool, int64_t rows, int64_t bytes_per_row, const Body& body) {
  const int64_t bytes = rows * bytes_per_row;
  const int64_t most = std::min<int64_t>(rows, 4 * pool.threads());
  const int chunks = static_cast<int>(std::min(most, bytes / (kInlineBytes / 2)));
  if (pool.threads() == 1 || bytes < kInlineBytes || chunks < 2) {
    if (rows > 0) body(int64_t{0}, rows);
    return;
  }
  pool.run(chunks, [&](int chunk) { body(rows * chunk / chunks, rows * (chunk + 1) / chunks); });
}

}  // namespace weir::kernels
