#pragma once

#include <functional>
#include <memory>

#include "weir/engine/load.h"

namespace weir::engine {

/// What a runner on a GPU is made from, beside its model.
struct CudaLoad {
  const LoadOptions& options;
  at::ScalarType type;
  Device& device;
  Progress& progress;
  std::function<schedule::ModelSpec(uint64_t cache_bytes)> spec;  // with a cache of so many bytes
};

/// A runner whose steps of every size have run once. Where the options ask for a part of what is
/// left, a first runner with a small cache runs them too, to see what they leave. Throws
/// nn::LoadError.
std::unique_ptr<schedule::Runner> load_cuda_runner(nn::Model model, const CudaLoad& load);

}  // namespace weir::engine
