#pragma once

#include <cstddef>
#include <memory>

#include "kernels/gemm_kernel.h"
#include "weir/kernels/weight_memory.h"

namespace weir::kernels {

/// The panels of a weight and the kernel that reads them.
class Panels final : public PackedWeight {
 public:
  Panels(const GemmKernel& kernel, int64_t out_features, int64_t in_features, bool gated,
         WeightMemory& memory);

  int64_t out_features() const override { return out_features_; }
  int64_t in_features() const override { return in_features_; }
  DType type() const override { return kernel_.type; }
  size_t bytes() const override { return static_cast<size_t>(count()) * panel_bytes(); }
  void unpack_row(Rows out, int64_t out_row, int64_t index) const override;

  const GemmKernel& kernel() const { return kernel_; }
  bool gated() const override { return gated_; }
  int64_t outputs_a_panel() const { return gated_ ? kernel_.panel_cols / 2 : kernel_.panel_cols; }
  int64_t count() const { return (out_features_ + outputs_a_panel() - 1) / outputs_a_panel(); }
  size_t panel_bytes() const { return kernel_.panel_bytes(in_features_); }
  std::byte* panel(int64_t index) const {
    return memory_.get() + static_cast<size_t>(index) * panel_bytes();
  }

 private:
  const GemmKernel& kernel_;
  int64_t out_features_, in_features_;
  bool gated_;
  std::shared_ptr<std::byte> memory_;
};

}  // namespace weir::kernels
