#pragma once

#include <cstdint>

namespace weir::kernels {

/// The recurrent half of an LSTM layer, as PyTorch has it: z = gates + W h, of which the parts are
/// i, f, g and o; c = sigmoid(f) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c). h and c begin as
/// 0.
struct Lstm {
  int32_t width = 0;                 // numbers of h
  int32_t directions = 1;            // 2: the second runs from a row's last line to its first
  const float* recurrent = nullptr;  // (directions, width, 4 width): each W, transposed
};

}  // namespace weir::kernels
