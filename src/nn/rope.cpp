#include "weir/nn/rope.h"

#include <ATen/ops/empty.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace weir::nn {
namespace {

/// How positions become angles, in the words of config.json.
struct Scaling {
  std::string type = "default";
  double theta = 10000;
  double factor = 1;         // linear, llama3
  double low = 1, high = 1;  // llama3
  double original = 0;       // llama3: positions before it was made longer
};

double needed(const ConfigFile& parameters, const std::string& type, const char* field) {
  if (!parameters.has(field))
    parameters.refuse(std::string(field) + " is missing; rope_type \"" + type + "\" needs it");
  return parameters.positive(field, 1);
}

std::optional<ConfigFile> rope_object(const ConfigFile& config) {
  return config.first_object({"rope_parameters", "rope_scaling"});
}

std::string type_of(const ConfigFile& parameters) {
  return parameters.text("rope_type", parameters.text("type", "default"));
}

[[noreturn]] void refuse_type(const ConfigFile& parameters, const std::string& type,
                              const char* supported) {
  parameters.refuse("rope_type \"" + type + "\" is not supported (" + supported + ")");
}

Scaling read_scaling(const ConfigFile& config) {
  Scaling scaling{.theta = config.positive("rope_theta", 10000)};
  auto parameters = rope_object(config);
  if (!parameters) return scaling;
  scaling.theta = parameters->positive("rope_theta", scaling.theta);
  scaling.type = type_of(*parameters);
  const std::string& type = scaling.type;
  if (type != "default" && type != "linear" && type != "llama3")
    refuse_type(*parameters, type, "default, linear, llama3");
  if (type == "default") return scaling;
  scaling.factor = needed(*parameters, type, "factor");
  if (type == "linear") return scaling;
  scaling.low = needed(*parameters, type, "low_freq_factor");
  scaling.high = needed(*parameters, type, "high_freq_factor");
  if (scaling.high == scaling.low)
    parameters->refuse("low_freq_factor and high_freq_factor are equal");
  constexpr const char* kOriginal = "original_max_position_embeddings";
  const double positions = config.positive("max_position_embeddings", 1);
  scaling.original = config.positive(kOriginal, parameters->positive(kOriginal, positions));
  return scaling;
}

// Llama 3.1: long wavelengths are slowed by `factor`, short ones kept, those between blended.
double llama3_frequency(double frequency, const Scaling& scaling) {
  double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < scaling.original / scaling.high) return frequency;
  if (wavelength > scaling.original / scaling.low) return frequency / scaling.factor;
  double smooth = (scaling.original / wavelength - scaling.low) / (scaling.high - scaling.low);
  return (1 - smooth) * frequency / scaling.factor + smooth * frequency;
}

/// Of the pairs of columns of a head.
std::vector<float> frequencies(const Scaling& scaling, int64_t head_dim, int64_t rotated) {
  std::vector<float> result;
  for (int64_t i = 0; i < rotated; i += 2) {
    double frequency =
        1 / std::pow(scaling.theta, static_cast<double>(i) / static_cast<double>(rotated));
    if (scaling.type == "linear") frequency /= scaling.factor;
    if (scaling.type == "llama3") frequency = llama3_frequency(frequency, scaling);
    result.push_back(static_cast<float>(frequency));
  }
  result.resize(static_cast<size_t>(head_dim / 2));
  return result;
}

/// The reference multiplies in float32, so the angle is rounded before its cosine.
float angle(int64_t position, float frequency) { return static_cast<float>(position) * frequency; }

std::string shown(double value) { return nlohmann::json(value).dump(); }

/// Angles grow with the position; of one that is not finite there is no cosine.
void check_angles(const ConfigFile& config, const Scaling& scaling, int64_t positions,
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
  const Scaling scaling = read_scaling(model.config());
  const std::vector<float> frequency = frequencies(scaling, head_dim, rotated);
  check_angles(model.config(), scaling, positions, frequency);
  const at::Device device = model.backend().device();
  if (device.is_meta()) return at::empty({positions, head_dim}, at::device(device));
  at::Tensor table = at::empty({positions, head_dim}, at::kFloat);
  float* out = table.mutable_data_ptr<float>();
  for (int64_t position = 0; position < positions; ++position, out += head_dim)
    for (int64_t i = 0; i < head_dim / 2; ++i) {
      const float turned = angle(position, frequency[static_cast<size_t>(i)]);
      out[i] = std::cos(turned);
      out[head_dim / 2 + i] = std::sin(turned);
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

void expect_plain_rope(const ConfigFile& config) {
  const auto parameters = rope_object(config);
  const std::string type = parameters ? type_of(*parameters) : "default";
  if (type != "default") refuse_type(*parameters, type, "default");
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
  const Scaling scaling = read_scaling(config);
  if (scaling.type != "linear") return positions;
  const double reach = static_cast<double>(positions) * scaling.factor;
  if (!(reach >= 1 && reach <= std::numeric_limits<int32_t>::max()))
    config.refuse("max_position_embeddings " + std::to_string(positions) + " times rope's factor " +
                  std::to_string(scaling.factor) + " is no length");
  return static_cast<int64_t>(reach);
}

}  // namespace weir::nn
