#include "weir/nn/rope.h"

#include <ATen/ops/empty.h>

#include <cmath>
#include <limits>

#include "nn/rope_scaling.h"

namespace weir::nn {
namespace {

/// The reference multiplies in float32, so the angle is rounded before its cosine.
float angle(int64_t position, float frequency) { return static_cast<float>(position) * frequency; }

std::string shown(double value) { return nlohmann::json(value).dump(); }

/// Angles grow with the position; of one that is not finite there is no cosine.
void check_angles(const ConfigFile& config, const RopeScaling& scaling, int64_t positions,
                  const std::vector<float>& frequency) {
  for (float each : frequency)
    if (!std::isfinite(angle(positions, each)))
      config.refuse("rope_theta " + shown(scaling.theta) + " with rope_type \"" + scaling.type +
                    "\", factor " + shown(scaling.factor) + ": the angle of position " +
                    std::to_string(positions) + " is not finite in float32");
}

at::Tensor angle_table(const Builder& model, const Shape& shape, int64_t rotated) {
  const int64_t positions = model.max_model_len() ? model.max_model_len() : shape.max_positions,
                head_dim = shape.head_dim;
  const RopeScaling scaling = read_rope_scaling(model.config());
  std::vector<float> frequency = rope_frequencies(scaling, rotated);
  frequency.resize(static_cast<size_t>(head_dim / 2));  // what is not rotated has an angle of 0
  check_angles(model.config(), scaling, positions, frequency);
  const at::Device device = model.backend().device();
  if (device.is_meta()) return at::empty({positions, head_dim}, at::device(device));
  at::Tensor table = at::empty({positions, head_dim}, at::kFloat);
  const auto magnitude = static_cast<float>(scaling.magnitude);
  float* out = table.mutable_data_ptr<float>();
  for (int64_t position = 0; position < positions; ++position, out += head_dim)
    for (int64_t i = 0; i < head_dim / 2; ++i) {
      const float turned = angle(position, frequency[static_cast<size_t>(i)]);
      out[i] = std::cos(turned) * magnitude;
      out[head_dim / 2 + i] = std::sin(turned) * magnitude;
    }
  return table.to(device);
}

}  // namespace

Rope::Rope(const Builder& model, const Shape& shape, int64_t rotated)
    : angles_(angle_table(model, shape, rotated)) {}

void Rope::apply(kernels::Rows heads, const Pass& pass) const {
  pass.backend.ops().rope(heads, pass.inputs.ragged.positions, angles_.const_data_ptr<float>(),
                          static_cast<int32_t>(angles_.size(1)));
}

int64_t rotated_columns(const ConfigFile& config, int64_t head_dim) {
  constexpr const char* kFactor = "partial_rotary_factor";
  const auto parameters = rope_object(config);
  const double whole = config.positive(kFactor, 1),
               factor = parameters ? parameters->positive(kFactor, whole) : whole;
  const double columns = std::trunc(static_cast<double>(head_dim) * factor);
  if (columns >= 2 && factor <= 1 && std::fmod(columns, 2) == 0)
    return static_cast<int64_t>(columns);
  config.refuse(std::string(kFactor) + " is " + shown(factor) + " of heads of " +
                std::to_string(head_dim) + " numbers; an even number from 2 to " +
                std::to_string(head_dim) + " is rotated");
}

std::vector<int64_t> rotation_order(int64_t heads, int64_t head_dim, int64_t rotated) {
  std::vector<int64_t> order;
  if (rotated == head_dim) return order;
  const int64_t others = (head_dim - rotated) / 2;  // of each half
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t half = 0; half < 2; ++half) {
      const int64_t first = head * head_dim;
      for (int64_t i = 0; i < rotated / 2; ++i) order.push_back(first + half * rotated / 2 + i);
      for (int64_t i = 0; i < others; ++i) order.push_back(first + rotated + half * others + i);
    }
  return order;
}

int64_t rope_reach(const ConfigFile& config, int64_t positions) {
  const RopeScaling scaling = read_rope_scaling(config);
  const bool yarn = scaling.type == "yarn";
  if (scaling.type != "linear" && !yarn) return positions;
  const double before = yarn ? scaling.original : static_cast<double>(positions);
  const double reach = before * scaling.factor;
  if (!(reach >= 1 && reach <= std::numeric_limits<int32_t>::max()))
    config.refuse((yarn ? "original_max_position_embeddings " + shown(before)
                        : "max_position_embeddings " + std::to_string(positions)) +
                  " times rope's factor " + shown(scaling.factor) + " is no length");
  return static_cast<int64_t>(reach);
}

}  // namespace weir::nn
