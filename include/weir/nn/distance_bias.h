#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "weir/kernels/attention.h"
#include "weir/nn/builder.h"

namespace weir::nn {

/// T5's bias of scores by the distance from query to key. Distances up to half of the buckets (of
/// those of one direction) have a bucket each. Further ones share buckets that widen by a constant
/// factor up to `max_distance`, and all beyond it share the last. Immutable. The reference is
/// _relative_position_bucket of Hugging Face's modeling_t5.py.
class DistanceBias {
 public:
  struct Rule {
    int64_t buckets = 0;
    int64_t max_distance = 0;
    bool both_ways = false;  // half of the buckets are for keys behind the query
  };
  /// From `name`.weight, (buckets, heads). Throws LoadError where the rule has no buckets that
  /// widen, or too many distances.
  DistanceBias(const Builder& model, const std::string& name, int64_t heads, const Rule& rule);

  /// Valid as long as this lives.
  kernels::DistanceBias view() const;

  /// The bucket of keys `distance` positions behind the query (negative: before it).
  static int64_t bucket(int64_t distance, const Rule& rule);

 private:
  at::Tensor by_distance_;  // (heads, left + 1 + right) float32, on the device
  int32_t left_ = 0, right_ = 0;
};

}  // namespace weir::nn
