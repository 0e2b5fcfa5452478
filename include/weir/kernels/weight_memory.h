#pragma once

#include <cstddef>
#include <memory>

namespace weir::kernels {

/// Where packed weights lie: in blocks on huge pages (where the system has them to give), one
/// behind the other. A weight is often smaller than a huge page, and on pages of its own it would
/// be read a tenth more slowly: each page is looked up, and none is fetched ahead of its first use.
/// Used by one thread at a time.
class WeightMemory {
 public:
  /// Zeroed, on a 64-byte boundary. Its block lives as long as anything in it, without this object
  /// too. Errors: std::bad_alloc.
  std::shared_ptr<std::byte> take(size_t bytes);

 private:
  std::weak_ptr<std::byte> block_;  // the last; who lies in it keeps it
  size_t used_ = 0, size_ = 0;
};

}  // namespace weir::kernels
