#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "weir/kernels/attention.h"
#include "weir/nn/model.h"

namespace weir::engine {

/// What a model's sequences remember on one device. Keys and values of all layers are one tensor,
/// (layers, 2, pages, kv_heads, page_size, width of a head), of own tokens and of sources alike;
/// the states of slots are another, (slots, numbers of one).
class ModelState {
 public:
  struct Sizes {
    int64_t pages = 0, page_size = 0, slots = 0;
  };
  ModelState() = default;
  /// `options`: device and type of pages. What a model does not remember has no memory.
  ModelState(const nn::Shape& shape, const Sizes& sizes, const at::TensorOptions& options);
  /// None: more than 64 bits hold.
  static std::optional<uint64_t> page_bytes(const nn::Shape& shape, int64_t page_size,
                                            at::ScalarType type);
  static std::optional<uint64_t> slot_bytes(const nn::Shape& shape);

  /// The attentions over pages that the layers of a step have; none where there are no pages.
  std::vector<kernels::PagedUse> uses(const nn::Shape& shape, const nn::Inputs& inputs) const;
  const nn::State& view() const { return view_; }

 private:
  void make_pages(const nn::Shape& shape, const Sizes& sizes, const at::TensorOptions& options);

  at::Tensor pages_;
  nn::State view_;
};

}  // namespace weir::engine
