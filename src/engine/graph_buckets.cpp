#include "engine/graph_buckets.h"

namespace weir::engine {

int32_t bucket_of(int32_t rows) {
  auto up_to = [rows](int32_t step) { return (rows + step - 1) / step * step; };
  for (int32_t bucket : {1, 2, 4})
    if (rows <= bucket) return bucket;
  return rows <= 32 ? up_to(8) : rows <= 64 ? up_to(16) : up_to(32);
}

std::vector<int32_t> buckets_to(int32_t rows) {
  std::vector<int32_t> buckets;
  for (int32_t each = rows; each > 0; --each)
    if (buckets.empty() || buckets.back() != bucket_of(each)) buckets.push_back(bucket_of(each));
  return buckets;
}

}  // namespace weir::engine
