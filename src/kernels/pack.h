#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "kernels/gemm_kernel.h"
#include "weir/kernels/weight_memory.h"

namespace weir::kernels {

/// Where a weight comes from: (out, in), with its gates or without.
struct WeightSource {
  ConstRows weight;
  ConstRows gates = {};
};

/// Whether a weight may be coded: `by_escapes` where its kernel has a tile for it and few enough of
/// its numbers are escapes.
enum class Coding : uint8_t { none, by_escapes };

/// The panels of a weight and the kernel that reads them.
class Panels final : public PackedWeight {
 public:
  Panels(const GemmKernel& kernel, const WeightSource& source, Coding coding, ThreadPool& pool,
         WeightMemory& memory);

  int64_t out_features() const override { return out_features_; }
  int64_t in_features() const override { return in_features_; }
  DType type() const override { return kernel_.type; }
  size_t bytes() const override;
  bool gated() const override { return gated_; }

  const GemmKernel& kernel() const { return kernel_; }
  bool coded() const { return coded_; }
  int64_t outputs_a_panel() const { return gated_ ? kernel_.panel_cols / 2 : kernel_.panel_cols; }
  int64_t count() const { return (out_features_ + outputs_a_panel() - 1) / outputs_a_panel(); }
  int64_t steps() const { return kernel_.steps(in_features_); }
  size_t plain_panel_bytes() const { return kernel_.panel_bytes(in_features_); }
  size_t panel_bytes() const {
    return coded() ? coded_bytes(plain_panel_bytes()) : plain_panel_bytes();
  }
  std::byte* panel(int64_t index) const {
    return memory_.get() + static_cast<size_t>(index) * panel_bytes();
  }
  const Escape* escapes() const { return escapes_.data(); }

 private:
  bool few_escapes(const WeightSource& source) const;
  void write(const WeightSource& source, ThreadPool& pool);
  void write_coded(const WeightSource& source, ThreadPool& pool);

  const GemmKernel& kernel_;
  int64_t out_features_, in_features_;
  bool gated_, coded_;
  std::vector<Escape> escapes_;  // of all coded panels, in their order
  std::shared_ptr<std::byte> memory_;
};

/// PackedWeight::pack and pack_gated for an instruction set of choice.
std::unique_ptr<PackedWeight> pack_weight(Isa isa, const WeightSource& source, DType type,
                                          ThreadPool& pool, WeightMemory& memory,
                                          Coding coding = Coding::by_escapes);

}  // namespace weir::kernels
