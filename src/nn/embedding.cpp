#include "weir/nn/embedding.h"

#include <ATen/ops/empty.h>

#include "weir/nn/rows.h"

namespace weir::nn {

Embedding::Embedding(Backend& backend, const at::Tensor& table, at::ScalarType type)
    : backend_(backend), table_(table.to(backend.device(), type).contiguous()) {}

at::Tensor Embedding::forward(const int32_t* ids, int64_t tokens) const {
  at::Tensor out = at::empty({tokens, table_.size(1)}, table_.options());
  backend_.ops().embed(rows_of(out), rows_of(table_), ids, false);
  return out;
}

void Embedding::add_to(at::Tensor& out, const int32_t* ids) const {
  backend_.ops().embed(rows_of(out), rows_of(table_), ids, true);
}

}  // namespace weir::nn
