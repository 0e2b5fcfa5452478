#include "engine/kv_cache.h"

#include <ATen/ops/empty.h>

#include "weir/nn/rows.h"

namespace weir::engine {

KvCache::KvCache(const nn::Shape& shape, int64_t pages, int64_t page_size, const at::TensorOptions& options)
    : storage_(at::empty({shape.layers, 2, pages, shape.kv_heads, page_size, shape.head_dim}, options)) {
  auto* base = static_cast<char*>(storage_.mutable_data_ptr());
  auto half = static_cast<int64_t>(storage_.nbytes()) / (2 * shape.layers);
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    kernels::PagedKv kv;
    kv.keys = base + 2 * layer * half;
    kv.values = base + (2 * layer + 1) * half;
    kv.type = nn::dtype_of(storage_);
    kv.page_size = static_cast<int32_t>(page_size);
    kv.kv_heads = static_cast<int32_t>(shape.kv_heads);
    kv.head_dim = static_cast<int32_t>(shape.head_dim);
    view_.layers.push_back(kv);
  }
}

uint64_t KvCache::page_bytes(const nn::Shape& shape, int64_t page_size, at::ScalarType type) {
  return static_cast<uint64_t>(shape.layers * 2 * shape.kv_heads * page_size * shape.head_dim) * c10::elementSize(type);
}

}  // namespace weir::engine
