#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAGraph.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace weir::engine {

/// Decode steps as CUDA graphs, one for each of a few numbers of rows. Used by the step thread, on
/// its stream.
class TrunkGraphs {
 public:
  /// What `trunk` gives for a step of `bucket` rows: it runs the first time, is captured the
  /// second, and replayed from then on. It reads only memory whose place never changes. The result
  /// is overwritten by the next run of this bucket.
  at::Tensor run(int32_t bucket, const std::function<at::Tensor()>& trunk);

 private:
  struct Entry {
    bool warm = false, refused = false;
    std::unique_ptr<at::cuda::CUDAGraph> graph;
    at::Tensor hidden;  // (bucket, hidden), in the graphs' memory
  };
  void capture(Entry& entry, const std::function<at::Tensor()>& trunk);
  void renew_pool();

  std::map<int32_t, Entry> entries_;
  at::cuda::MempoolId_t pool_ = at::cuda::graph_pool_handle();  // of all graphs: they never overlap
};

}  // namespace weir::engine
