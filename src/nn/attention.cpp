#include "weir/nn/attention.h"

#include <ATen/ops/empty.h>

#include <cmath>

#include "weir/nn/gather.h"
#include "weir/nn/rows.h"

namespace weir::nn {
namespace {

struct Columns {
  kernels::Rows q, k, v;
};

Columns split(const at::Tensor& qkv, const Heads& heads) {
  const kernels::Rows all = rows_of(qkv);
  const int64_t q = heads.q_columns(), kv = heads.kv_columns();
  return {columns(all, 0, q), columns(all, q, kv), columns(all, q + kv, kv)};
}

at::Tensor room(const at::Tensor& qkv, const Heads& heads) {
  return at::empty({qkv.size(0), heads.q_columns()}, qkv.options());
}

}  // namespace

Heads Heads::of(const Shape& shape) {
  return {.count = shape.heads,
          .kv = shape.kv_heads,
          .dim = shape.head_dim,
          .width = shape.head_dim + shape.head_dim % 2};
}

float Heads::scale() const { return 1 / std::sqrt(static_cast<float>(dim)); }

at::Tensor attend_pages(const Pass& pass, size_t layer, const at::Tensor& qkv, const Heads& heads,
                        const kernels::Attention& attention) {
  at::Tensor out = room(qkv, heads);
  const auto [q, k, v] = split(qkv, heads);
  pass.backend.ops().paged_attention(rows_of(out), q, {k, v}, pass.state.layers[layer],
                                     pass.inputs.ragged, attention);
  return out;
}

at::Tensor attend_rows(const Pass& pass, const kernels::Ragged& rows, const at::Tensor& qkv,
                       const Heads& heads, const kernels::Attention& attention) {
  at::Tensor out = room(qkv, heads);
  const auto [q, k, v] = split(qkv, heads);
  pass.backend.ops().ragged_attention(rows_of(out), q, k, v, rows,
                                      static_cast<int32_t>(heads.width), attention);
  return out;
}

void write_source(const Pass& pass, size_t layer, const at::Tensor& kv, const Heads& heads) {
  const kernels::Rows all = rows_of(kv);
  const int64_t each = heads.kv_columns();
  pass.backend.ops().write_pages(columns(all, 0, each), columns(all, each, each),
                                 pass.state.layers[layer], pass.inputs.encode.ragged);
}

at::Tensor attend_source(const Pass& pass, size_t layer, const at::Tensor& q, const Heads& heads,
                         const kernels::Attention& attention) {
  at::Tensor out = room(q, heads);
  pass.backend.ops().paged_attention(rows_of(out), rows_of(q), {}, pass.state.layers[layer],
                                     pass.inputs.sources, attention);
  return out;
}

kernels::Rows queries_and_keys(const at::Tensor& qkv, const Heads& heads) {
  return columns(rows_of(qkv), 0, heads.q_columns() + heads.kv_columns());
}

void expect_layer(const Pass& pass, size_t layer) {
  if (layer < pass.state.layers.size())
    pass.backend.ops().expect_pages(pass.state.layers[layer], pass.inputs.ragged);
}

void keep_read(const Pass& pass, std::initializer_list<at::Tensor*> each) {
  for (at::Tensor* x : each)
    if (x->size(0) != pass.inputs.hidden_rows()) *x = gather(pass.backend, *x, *pass.inputs.read);
}

}  // namespace weir::nn
