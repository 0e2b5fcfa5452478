#include "weir/nn/distance_bias.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

namespace weir::nn {
namespace {

constexpr int64_t kMostDistances = 1 << 16;

void check(const ConfigFile& config, const DistanceBias::Rule& rule) {
  const int64_t of_a_side = rule.both_ways ? rule.buckets / 2 : rule.buckets;
  if (of_a_side < 2)
    config.refuse("relative_attention_num_buckets is " + std::to_string(rule.buckets) +
                  "; an encoder-decoder has at least 4");
  if (rule.max_distance <= of_a_side / 2 || rule.max_distance > kMostDistances)
    config.refuse("relative_attention_max_distance is " + std::to_string(rule.max_distance) +
                  "; with " + std::to_string(rule.buckets) + " buckets " +
                  std::to_string(of_a_side / 2 + 1) + " to " + std::to_string(kMostDistances) +
                  " are supported");
}

}  // namespace

int64_t DistanceBias::bucket(int64_t distance, const Rule& rule) {
  const int64_t buckets = rule.both_ways ? rule.buckets / 2 : rule.buckets;
  const int64_t side = rule.both_ways && distance > 0 ? buckets : 0;
  const int64_t far = rule.both_ways ? std::abs(distance) : std::max<int64_t>(-distance, 0);
  const int64_t exact = buckets / 2;
  if (far < exact) return side + far;
  // In float32, as the reference: a distance on the border of two buckets is where it is there.
  const float along = std::log(static_cast<float>(far) / static_cast<float>(exact)) /
                      static_cast<float>(std::log(static_cast<double>(rule.max_distance) /
                                                  static_cast<double>(exact))) *
                      static_cast<float>(buckets - exact);
  return side + std::min(exact + static_cast<int64_t>(along), buckets - 1);
}

DistanceBias::DistanceBias(const Builder& model, const std::string& name, int64_t heads,
                           const Rule& rule) {
  check(model.config(), rule);
  left_ = static_cast<int32_t>(rule.max_distance);
  right_ = rule.both_ways ? left_ : 0;
  const at::Tensor weight = model.tensor(name + ".weight", {rule.buckets, heads});
  if (weight.is_meta()) return;
  const at::Tensor of_buckets = weight.to(at::kCPU, at::kFloat).contiguous();
  const float* from = of_buckets.const_data_ptr<float>();
  const at::Tensor all = at::empty({heads, left_ + 1 + right_}, at::kFloat);
  float* to = all.mutable_data_ptr<float>();
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t distance = -left_; distance <= right_; ++distance)
      *to++ = from[bucket(distance, rule) * heads + head];
  by_distance_ = all.to(model.backend().device());
}

kernels::DistanceBias DistanceBias::view() const {
  return {.data = by_distance_.const_data_ptr<float>(), .left = left_, .right = right_};
}

}  // namespace weir::nn
