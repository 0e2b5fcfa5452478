#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "weir/kernels/view.h"
#include "weir/nn/backend.h"

namespace weir::nn {

/// The tokens of one step, all rows end to end, on the device.
struct Inputs {
  const int32_t* ids = nullptr;  // (tokens)
  kernels::Ragged ragged;
  const int32_t* types = nullptr;  // (tokens) token types; null: every token is of type 0
  /// Indices (ascending, on the host) of the tokens whose last hidden states are read. The trunk
  /// returns only these. Unset: all tokens.
  std::optional<std::span<const int32_t>> read = {};
  /// Indices (ascending, on the host) of the tokens whose hidden states of all layers are read.
  std::span<const int32_t> inner = {};

  /// Of an encoder-decoder: sources that this step encodes, end to end, and the pages of their
  /// keys and values. No tokens: none is encoded.
  struct Sources {
    const int32_t* ids = nullptr;  // (source tokens)
    kernels::Ragged ragged;
  };
  Sources encode = {};
  /// The rows of `ragged` over the pages of their sources.
  kernels::Ragged sources = {};
  /// (rows) on the host: the slot of each row, of a model whose sequences have one.
  std::span<const int32_t> slots = {};

  int64_t hidden_rows() const { return read ? static_cast<int64_t>(read->size()) : ragged.tokens; }
};

/// What sequences remember between steps. Empty for encoders.
struct State {
  /// Of each layer: keys and values of a sequence's own tokens in its pages, and of its source's
  /// in its source pages.
  std::vector<kernels::PagedKv> layers;
  at::Tensor slots;  // (slots, numbers of one) float32
};

/// One step on its way through a model: what a layer may need beside what it is given. Lives as
/// long as the step; used by the step thread.
struct Pass {
  const Inputs& inputs;
  const State& state;
  Backend& backend;
};

}  // namespace weir::nn
