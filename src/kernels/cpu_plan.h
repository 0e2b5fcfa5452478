// How an attention call is cut into tiles.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu_attention.h"
#include "weir/kernels/thread_pool.h"

namespace weir::kernels {

/// Tiles of one call, and the memory of ranges that are worked on apart. Reused from call to call,
/// by one thread.
class AttentionPlan {
 public:
  void clear();
  /// Adds the tiles of one sequence and the query heads of one key/value head. `whole` has q, out,
  /// source and all shapes of that; `queries` and `heads` of any size.
  void add(const AttentionTile& whole);
  /// Runs all tiles in chunks of `pool`.
  void run(ThreadPool& pool, const AttentionKernels& kernels);

 private:
  void add_tile(const AttentionTile& whole);
  void split_ranges(int threads);

  std::vector<AttentionTile> tiles_, merges_;
  std::vector<float> states_;
  int64_t work_ = 0;  // products of a query and a key
};

}  // namespace weir::kernels
