#include "weir/kernels/page_fetch.h"

#include <algorithm>

namespace weir::kernels {

PageFetch::Page PageFetch::Share::pop() {
  const int64_t bytes = int64_t{cache_.kv_heads} * cache_.page_size * cache_.head_dim *
                        static_cast<int64_t>(size_of(cache_.type));
  const int32_t id = pages_.front();
  pages_ = pages_.subspan(1);
  if (id < 0) return {};
  const int64_t at = id * bytes;
  return {static_cast<const std::byte*>(cache_.keys) + at,
          static_cast<const std::byte*>(cache_.values) + at, bytes};
}

void PageFetch::expect(const PagedKv& cache, std::span<const int32_t> ids) {
  cache_ = cache;
  ids_ = ids;
  taken_.store(0, std::memory_order_relaxed);  // a region of the pool orders it before any take()
}

PageFetch::Share PageFetch::take(int64_t count) {
  const size_t most = static_cast<size_t>(count);
  const size_t first = std::min(taken_.fetch_add(most, std::memory_order_relaxed), ids_.size());
  return {cache_, ids_.subspan(first, std::min(most, ids_.size() - first))};
}

}  // namespace weir::kernels
