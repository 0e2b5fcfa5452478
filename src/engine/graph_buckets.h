#pragma once

#include <cstdint>
#include <vector>

namespace weir::engine {

/// The number of rows that a decode step of `rows` is filled up to, so that a few captured graphs
/// serve every step.
int32_t bucket_of(int32_t rows);

/// All of them for steps of up to `rows`, the greatest first: what follows it finds its memory
/// there.
std::vector<int32_t> buckets_to(int32_t rows);

}  // namespace weir::engine
