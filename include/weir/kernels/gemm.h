#pragma once

#include <memory>

#include "weir/kernels/act.h"
#include "weir/kernels/view.h"

namespace weir::kernels {

class PageFetch;
class ThreadPool;
class WeightMemory;

/// What a product does with each sum before it is stored: out = act(sum), or out += act(sum) with
/// `add`. Gated, as all products of gated weights: out = act(the gate's sum) * sum, is_gate(act).
struct Epilogue {
  Act act = Act::none;
  bool gated = false;
  bool add = false;  // not of a gated product
};

/// A weight (out_features, in_features) in the one layout that serves every number of rows.
/// bfloat16 takes 12 bits a number where that loses none.
/// Immutable once packed; shared by threads.
class PackedWeight {
 public:
  /// Packs (and converts) `weight` to `type` into `memory`, in chunks of `pool`. The source is not
  /// needed afterwards.
  static std::unique_ptr<PackedWeight> pack(ConstRows weight, DType type, ThreadPool& pool,
                                            WeightMemory& memory);
  /// Two weights of one shape and type as one of their out_features: each output has a gate.
  static std::unique_ptr<PackedWeight> pack_gated(ConstRows gates, ConstRows weight, DType type,
                                                  ThreadPool& pool, WeightMemory& memory);
  virtual ~PackedWeight() = default;
  virtual int64_t out_features() const = 0;
  virtual int64_t in_features() const = 0;
  virtual DType type() const = 0;
  virtual size_t bytes() const = 0;
  virtual bool gated() const = 0;
};

/// out = epilogue(x * weight^T + bias). x: (m, in), out: (m, out), of the weight's type; out may be
/// float32 too. `bias`: (out) float32 or null; of a gated weight (2, out), the gates' first. Sums
/// are float32, and each output element's order of summation depends on neither m nor the number of
/// threads: a row's result is the same bits in every batch. Where that costs no time, the pages
/// that `fetch` expects are fetched meanwhile.
void gemm(Rows out, ConstRows x, const PackedWeight& weight, const float* bias, Epilogue epilogue,
          ThreadPool& pool, PageFetch* fetch = nullptr);

}  // namespace weir::kernels
