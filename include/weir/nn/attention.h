#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>

#include "weir/kernels/attention.h"
#include "weir/nn/builder.h"
#include "weir/nn/pass.h"
#include "weir/nn/shape.h"

namespace weir::nn {

/// The heads of one attention. Where `dim`, the columns of a head in the checkpoint, is odd, a
/// head is computed with one column more.
struct Heads {
  int64_t count = 0, kv = 0;  // of queries; of keys and values
  int64_t dim = 0, width = 0;

  static Heads of(const Shape& shape);

  int64_t q_columns() const { return count * width; }
  int64_t kv_columns() const { return kv * width; }
  HeadPadding padding() const { return {.from = dim, .to = width}; }
  float scale() const;  // 1 / sqrt(dim)
};

/// Attention of a step's tokens to those of their sequence up to themselves, whose keys and values
/// are in the pages of `layer`; the tokens' own go there first. qkv: (tokens, q_columns + 2
/// kv_columns). Gives (tokens, q_columns).
at::Tensor attend_pages(const Pass& pass, size_t layer, const at::Tensor& qkv, const Heads& heads,
                        const kernels::Attention& attention);

/// Attention of the tokens of each row to those of the row. Shapes as above.
at::Tensor attend_rows(const Pass& pass, const kernels::Ragged& rows, const at::Tensor& qkv,
                       const Heads& heads, const kernels::Attention& attention);

/// Keys and values of the sources that the step encodes go to their pages in `layer`. kv: (source
/// tokens, 2 kv_columns)
void write_source(const Pass& pass, size_t layer, const at::Tensor& kv, const Heads& heads);

/// Attention of a step's tokens to the whole source of their sequence, which was written to `layer`
/// in this step or before. q: (tokens, q_columns). Gives the same shape.
at::Tensor attend_source(const Pass& pass, size_t layer, const at::Tensor& q, const Heads& heads,
                         const kernels::Attention& attention);

/// The columns of qkv that are rotated or normed before they are used.
kernels::Rows queries_and_keys(const at::Tensor& qkv, const Heads& heads);

/// Tells that the next attend_pages() is that of `layer`; of no layer, where there is none such.
void expect_layer(const Pass& pass, size_t layer);

/// Leaves of each (tokens, columns) only the tokens whose last hidden states are read; nothing
/// changes where that was done before. In a last layer, every token is on its own after attention.
void keep_read(const Pass& pass, std::initializer_list<at::Tensor*> each);

}  // namespace weir::nn
