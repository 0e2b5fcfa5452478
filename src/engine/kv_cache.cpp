#include "engine/kv_cache.h"

#include <ATen/ops/empty.h>
#include <sys/mman.h>

#include <cstdint>

#include "weir/nn/rows.h"

namespace weir::engine {
namespace {

// Attention walks through the cache in small pieces: with huge pages it misses the translation
// buffer far less.
void advise_huge_pages(void* data, size_t bytes) {
  constexpr uintptr_t kHuge = uintptr_t{2} << 20;
  uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + kHuge - 1) / kHuge * kHuge;
  uintptr_t end = (reinterpret_cast<uintptr_t>(data) + bytes) / kHuge * kHuge;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

}  // namespace

KvCache::KvCache(const nn::Shape& shape, int64_t pages, int64_t page_size,
                 const at::TensorOptions& options)
    : storage_(
          at::empty({shape.layers, 2, pages, shape.kv_heads, page_size, shape.head_dim}, options)) {
  auto* base = static_cast<char*>(storage_.mutable_data_ptr());
  if (storage_.is_cpu()) advise_huge_pages(base, storage_.nbytes());
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

std::optional<uint64_t> KvCache::page_bytes(const nn::Shape& shape, int64_t page_size,
                                            at::ScalarType type) {
  uint64_t bytes = 2 * c10::elementSize(type);
  for (const int64_t factor : {shape.layers, shape.kv_heads, page_size, shape.head_dim})
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(factor), &bytes)) return std::nullopt;
  return bytes;
}

std::vector<kernels::PagedUse> KvCache::uses(const nn::Shape& shape,
                                             const kernels::Ragged& ragged) const {
  if (view_.layers.empty()) return {};
  const kernels::PagedKv& layer = view_.layers.front();
  return {{.ragged = &ragged,
           .shape = {.type = layer.type,
                     .heads = static_cast<int32_t>(shape.heads),
                     .kv_heads = layer.kv_heads,
                     .head_dim = layer.head_dim,
                     .page_size = layer.page_size}}};
}

}  // namespace weir::engine
