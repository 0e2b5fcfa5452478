// Attention of whole rows, each query seeing all tokens of its row, by FlashInfer: one object per
// shape, planned once a step and run once a layer.
#pragma once

#include <cstdint>
#include <memory>

#include "weir/kernels/view.h"

namespace weir::kernels {

struct RaggedShape {
  int32_t heads, kv_heads, head_dim;
  bool operator==(const RaggedShape&) const = default;
};

class RaggedAttention {
 public:
  virtual ~RaggedAttention() = default;
  /// Host work and one copy on the stream. Needs q_begin_host of `ragged`.
  virtual void plan(const Ragged& ragged) = 0;
  /// Reads q_begin of `ragged` on the device. bfloat16; `k` and `v` of one stride.
  virtual void run(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
                   float scale) = 0;
};

/// Null where heads are larger than FlashInfer's. Smaller ones are padded with zeros to the next
/// size that it has. `stream` is a cudaStream_t.
std::unique_ptr<RaggedAttention> make_ragged_attention(RaggedShape shape, void* stream);

}  // namespace weir::kernels
