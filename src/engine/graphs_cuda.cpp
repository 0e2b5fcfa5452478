#include "engine/graphs_cuda.h"

#include <ATen/core/CachingHostAllocator.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>

#include <exception>
#include <string>

#include "weir/base/log.h"

namespace weir::engine {
namespace {

/// For what cleans up after a failure that is told already. True: it went well.
template <class Action>
bool quietly(Action action) {
  try {
    action();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

at::Tensor TrunkGraphs::run(int32_t bucket, const std::function<at::Tensor()>& trunk) {
  Entry& entry = entries_[bucket];
  // The first run loads kernels and makes workspaces, which a capture may not.
  if (!entry.warm || entry.refused) {
    at::Tensor hidden = trunk();
    entry.warm = true;
    return hidden;
  }
  if (!entry.graph) capture(entry, trunk);
  if (entry.refused) return trunk();
  entry.graph->replay();
  return entry.hidden;
}

void TrunkGraphs::capture(Entry& entry, const std::function<at::Tensor()>& trunk) {
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  bool open = false;
  try {
    // Other threads may allocate or copy meanwhile: only this one's calls are watched.
    graph->capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
    open = true;
    entry.hidden = trunk();
    open = false;
    graph->capture_end();
    entry.graph = std::move(graph);
  } catch (const std::exception& failure) {
    entry.refused = true;
    entry.hidden.reset();
    log_warning(std::string("a decode step cannot be captured and runs without a graph: ") +
                failure.what());
    const bool closed = open && quietly([&] { graph->capture_end(); });
    if (!closed) renew_pool();
    cudaGetLastError();  // a lost device fails again in the run that follows
  }
}

// Torch leaves the pool of a capture that broke as if it went on: no further one could begin there.
void TrunkGraphs::renew_pool() {
  quietly([&] {
    c10::cuda::CUDACachingAllocator::endAllocateToPool(c10::cuda::current_device(), pool_);
  });
  quietly([&] { at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool_); });
  pool_ = at::cuda::graph_pool_handle();
}

}  // namespace weir::engine
