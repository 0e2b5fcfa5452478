// Attention over pages by FlashInfer: one object per shape of attention, planned once a step and
// run once a layer.
#pragma once

#include <cstdint>
#include <memory>

#include "weir/kernels/attention.h"

namespace weir::kernels {

class PagedAttention {
 public:
  virtual ~PagedAttention() = default;
  /// Host work and one copy on the stream; before the step's graph, never inside it. Arrays on the
  /// device keep their places from step to step. Needs the host arrays of `ragged`, whose rows hold
  /// exactly the pages of their keys.
  virtual void plan(const Ragged& ragged) = 0;
  /// Reads the device arrays of `ragged`. bfloat16; rows of 16 bytes alignment; `out` contiguous.
  virtual void run(Rows out, ConstRows q, PagedKv cache, const Ragged& ragged,
                   const Attention& attention) = 0;
};

/// Null where FlashInfer's kernels do not take the shape. `stream` is a cudaStream_t.
std::unique_ptr<PagedAttention> make_paged_attention(PagedShape shape, void* stream);

std::unique_ptr<PagedAttention> make_paged_attention_64(PagedShape shape, void* stream);
std::unique_ptr<PagedAttention> make_paged_attention_128(PagedShape shape, void* stream);
std::unique_ptr<PagedAttention> make_paged_attention_256(PagedShape shape, void* stream);

}  // namespace weir::kernels
