#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "weir/kernels/ops.h"
#include "weir/kernels/thread_pool.h"
#include "weir/nn/linear.h"

namespace weir::nn {

/// One device as the modules see it: where tensors live, in which type, and who computes. Outlives
/// every model built on it. Used by the step thread.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual at::Device device() const = 0;
  virtual kernels::Ops& ops() = 0;
  /// `type`: the type of activations and packed weights.
  virtual std::unique_ptr<Linear> linear(const LinearSource& source, at::ScalarType type) = 0;
};

/// The CPU: kernels in chunks of `pool`, which outlives it.
std::unique_ptr<Backend> make_cpu_backend(kernels::ThreadPool& pool);

/// A device that computes nothing: its tensors have types and shapes, and building a model on it
/// asks everything of a folder but its numbers. Its ops() and layers may not be used.
std::unique_ptr<Backend> make_shape_backend();

/// A CUDA device, current stream. Only in a build with CUDA.
std::unique_ptr<Backend> make_cuda_backend(int device);

}  // namespace weir::nn
