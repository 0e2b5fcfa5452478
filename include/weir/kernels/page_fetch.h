#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "weir/kernels/view.h"

namespace weir::kernels {

/// The pages of a step's next attention. Products before it that wait for arithmetic bring them
/// into cache, while memory has little else to do. The step thread calls expect() between regions
/// of its pool; take() may be called by all threads of the pool.
class PageFetch {
 public:
  /// One layer's keys and values of a page, or what is left of them: `bytes` of each.
  struct Page {
    const std::byte *keys = nullptr, *values = nullptr;
    int64_t bytes = 0;

    void skip(int64_t count) { keys += count, values += count, bytes -= count; }
  };

  /// Some pages that nobody else has.
  class Share {
   public:
    Share() = default;
    Share(const PagedKv& cache, std::span<const int32_t> pages) : cache_(cache), pages_(pages) {}
    bool empty() const { return pages_.empty(); }
    Page pop();  // of no bytes where it is missing (-1). REQUIRES not empty

   private:
    PagedKv cache_;
    std::span<const int32_t> pages_;
  };

  /// Pages `ids` of a layer's cache from now on, and none of those before. `ids` is borrowed until
  /// the next call.
  void expect(const PagedKv& cache, std::span<const int32_t> ids);
  void expect_nothing() { expect({}, {}); }
  /// At most `count` of them that were not taken yet, in their order.
  Share take(int64_t count);

 private:
  PagedKv cache_;
  std::span<const int32_t> ids_;
  std::atomic<size_t> taken_{0};
};

}  // namespace weir::kernels
