#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "weir/nn/builder.h"
#include "weir/nn/pass.h"

namespace weir::nn {

/// One GRU layer, as torch.nn.GRU computes and names it; a sequence's state is part of its slot.
/// Immutable.
class Gru {
 public:
  struct Sizes {
    int64_t columns = 0, width = 0;  // of what comes in, of the state
  };
  /// From weight_ih_lN, weight_hh_lN, bias_ih_lN and bias_hh_lN for layer N. Throws LoadError.
  Gru(const Builder& model, int64_t layer, const Sizes& sizes);

  /// The states after each token. x: (tokens, columns); result: (tokens, width) of x's type. A row
  /// begins with the state in its slot, or with zeros if its first token is the sequence's first,
  /// and leaves its last state there. A row's bits do not depend on the other rows, nor on how its
  /// tokens were cut into steps.
  at::Tensor forward(const at::Tensor& x, const Pass& pass) const;

 private:
  at::Tensor slot(const Pass& pass, int32_t row) const;  // (width)

  const int64_t width_, first_;  // of a slot's numbers the state is [first, first + width)
  std::unique_ptr<Linear> inputs_, states_;  // gates: (3 width) each
};

}  // namespace weir::nn
