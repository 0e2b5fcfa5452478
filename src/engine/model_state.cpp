#include "engine/model_state.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <sys/mman.h>

#include <cstdint>
#include <initializer_list>

#include "weir/nn/attention.h"
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

std::optional<uint64_t> product(std::initializer_list<int64_t> factors) {
  uint64_t all = 1;
  for (const int64_t factor : factors)
    if (__builtin_mul_overflow(all, static_cast<uint64_t>(factor), &all)) return std::nullopt;
  return all;
}

}  // namespace

ModelState::ModelState(const nn::Shape& shape, const Sizes& sizes,
                       const at::TensorOptions& options) {
  if (shape.remembers.pages) make_pages(shape, sizes, options);
  if (shape.remembers.slot)
    view_.slots = at::zeros({sizes.slots, shape.remembers.slot}, options.dtype(at::kFloat));
}

void ModelState::make_pages(const nn::Shape& shape, const Sizes& sizes,
                            const at::TensorOptions& options) {
  const int64_t width = nn::Heads::of(shape).width;
  pages_ =
      at::empty({shape.layers, 2, sizes.pages, shape.kv_heads, sizes.page_size, width}, options);
  auto* base = static_cast<char*>(pages_.mutable_data_ptr());
  if (pages_.is_cpu()) advise_huge_pages(base, pages_.nbytes());
  const auto half = static_cast<int64_t>(pages_.nbytes()) / (2 * shape.layers);
  for (int64_t layer = 0; layer < shape.layers; ++layer)
    view_.layers.push_back({.keys = base + 2 * layer * half,
                            .values = base + (2 * layer + 1) * half,
                            .type = nn::dtype_of(pages_),
                            .page_size = static_cast<int32_t>(sizes.page_size),
                            .kv_heads = static_cast<int32_t>(shape.kv_heads),
                            .head_dim = static_cast<int32_t>(width)});
}

std::optional<uint64_t> ModelState::page_bytes(const nn::Shape& shape, int64_t page_size,
                                               at::ScalarType type) {
  return product({2, static_cast<int64_t>(c10::elementSize(type)), shape.layers, shape.kv_heads,
                  page_size, nn::Heads::of(shape).width});
}

std::optional<uint64_t> ModelState::slot_bytes(const nn::Shape& shape) {
  return product({static_cast<int64_t>(sizeof(float)), shape.remembers.slot});
}

std::vector<kernels::PagedUse> ModelState::uses(const nn::Shape& shape,
                                                const nn::Inputs& inputs) const {
  if (view_.layers.empty()) return {};
  const kernels::PagedKv& layer = view_.layers.front();
  kernels::PagedShape own{.type = layer.type,
                          .heads = static_cast<int32_t>(shape.heads),
                          .kv_heads = layer.kv_heads,
                          .head_dim = layer.head_dim,
                          .page_size = layer.page_size,
                          .window = static_cast<int32_t>(shape.remembers.window),
                          .biased = shape.biased};
  std::vector<kernels::PagedUse> uses{{&inputs.ragged, own}};
  if (shape.remembers.source) {
    own.causal = own.biased = false;
    own.window = 0;
    uses.push_back({&inputs.sources, own});
  }
  return uses;
}

}  // namespace weir::engine
