#pragma once

#include <algorithm>

#include "kernels/gemm_kernel.h"
#include "weir/kernels/page_fetch.h"

namespace weir::kernels {

/// The pages that one thread's next tiles fetch, each at an even pace and a page or a part of one.
class PageRun {
 public:
  /// `fetch` null: none.
  PageRun(PageFetch* fetch, int64_t tiles) {
    if (fetch != nullptr) pages_ = fetch->take(tiles);
  }

  /// What this tile fetches. Without pages it is the line that it reads first.
  void next(GemmTile& tile) {
    while (left_.bytes == 0 && !pages_.empty()) left_ = pages_.pop();
    tile.pages[0] = left_.bytes > 0 ? left_.keys : tile.weight;
    tile.pages[1] = left_.bytes > 0 ? left_.values : tile.weight;
    // Of each: as much as memory gives beside the weight.
    constexpr int64_t kMostAStep = 32;
    const int64_t bytes = std::min(left_.bytes, kMostAStep * tile.steps);
    tile.pages_a_step = tile.steps > 0 ? bytes / tile.steps : 0;
    left_.skip(bytes);
  }

 private:
  PageFetch::Share pages_;
  PageFetch::Page left_;
};

}  // namespace weir::kernels
