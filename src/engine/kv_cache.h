#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "weir/kernels/attention.h"
#include "weir/nn/model.h"

namespace weir::engine {

/// The keys and values of all layers on one device: one tensor (layers, 2, pages, kv_heads,
/// page_size, head_dim).
class KvCache {
 public:
  KvCache() = default;
  KvCache(const nn::Shape& shape, int64_t pages, int64_t page_size,
          const at::TensorOptions& options);
  /// None: more than 64 bits hold.
  static std::optional<uint64_t> page_bytes(const nn::Shape& shape, int64_t page_size,
                                            at::ScalarType type);
  /// The attentions over pages that the layers have; none where there is no cache.
  std::vector<kernels::PagedUse> uses(const nn::Shape& shape, const kernels::Ragged& ragged) const;
  const nn::Cache& view() const { return view_; }

 private:
  at::Tensor storage_;
  nn::Cache view_;
};

}  // namespace weir::engine
