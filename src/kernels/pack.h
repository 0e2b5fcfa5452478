#pragma once

#include <cstddef>
#include <memory>

#include "kernels/gemm_kernel.h"

namespace weir::kernels {

/// Zeroed memory on a 64-byte boundary; large blocks lie on huge pages where the system has them to
/// give.
class PackMemory {
 public:
  explicit PackMemory(size_t bytes);
  ~PackMemory();
  PackMemory(const PackMemory&) = delete;
  PackMemory& operator=(const PackMemory&) = delete;

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  size_t bytes_;
  void* mapping_ = nullptr;
  size_t mapped_ = 0;
};

/// The panels of a weight and the kernel that reads them.
class Panels final : public PackedWeight {
 public:
  Panels(const GemmKernel& kernel, int64_t out_features, int64_t in_features);

  int64_t out_features() const override { return out_features_; }
  int64_t in_features() const override { return in_features_; }
  DType type() const override { return kernel_.type; }
  size_t bytes() const override { return memory_.bytes(); }
  void unpack_row(Rows out, int64_t out_row, int64_t index) const override;

  const GemmKernel& kernel() const { return kernel_; }
  int64_t count() const { return (out_features_ + kernel_.panel_cols - 1) / kernel_.panel_cols; }
  size_t panel_bytes() const { return kernel_.panel_bytes(in_features_); }
  std::byte* panel(int64_t index) const {
    return memory_.data() + static_cast<size_t>(index) * panel_bytes();
  }

 private:
  const GemmKernel& kernel_;
  int64_t out_features_, in_features_;
  PackMemory memory_;
};

}  // namespace weir::kernels
