#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "weir/nn/weights.h"

namespace weir::nn {

/// The tensors of head.safetensors. Used by the thread that loads.
class HeadTensors {
 public:
  /// Throws LoadError on a broken file.
  explicit HeadTensors(std::string path);

  /// A tensor of this name and shape, float32 and contiguous. Throws LoadError if it is not there,
  /// or if one of its numbers is NaN or has a magnitude above kMostNumber.
  at::Tensor get(const std::string& name, at::IntArrayRef shape);

  /// Throws LoadError if a tensor was not asked for, or if the file was written meanwhile.
  void check_all_read() const;

  uint64_t numbers() const { return weights_->bytes_as(at::kByte); }  // how many

  /// The largest magnitude of a number. Each sum that a CRF compares then keeps differences of 1e-6
  /// in double.
  static constexpr float kMostNumber = 1e6;

 private:
  const std::string path_;
  const std::unique_ptr<Weights> weights_;
};

}  // namespace weir::nn
