#pragma once

#include <ATen/core/Tensor.h>

#include "weir/nn/backend.h"

namespace weir::nn {

/// A table of vectors looked up by id, which is one of its rows.
class Embedding {
 public:
  Embedding(Backend& backend, const at::Tensor& table, at::ScalarType type);
  at::Tensor forward(const int32_t* ids, int64_t tokens) const;  // (tokens, hidden)
  void add_to(at::Tensor& out, const int32_t* ids) const;  // out (tokens, hidden) += table[ids]

 private:
  Backend& backend_;
  at::Tensor table_;
};

}  // namespace weir::nn
