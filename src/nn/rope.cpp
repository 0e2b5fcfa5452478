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

Scaling read_scaling(const ConfigFile& config) {
  Scaling scaling{.theta = config.positive("rope_theta", 10000)};
  auto parameters = config.first_object({"rope_parameters", "rope_scaling"});
  if (!parameters) return scaling;
  scaling.theta = parameters->positive("rope_theta", scaling.theta);
  scaling.type = parameters->text("rope_type", parameters->text("type", "default"));
  if (parameters->number("partial_rotary_factor", 1) != 1)
    parameters->refuse("partial_rotary_factor other than 1 is not supported");
  const std::string& type = scaling.type;
  if (type != "default" && type != "linear" && type != "llama3")
    parameters->refuse("rope_type \"" + type + "\" is not supported (default, linear, llama3)");
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

std::vector<float> frequencies(const Scaling& scaling, int64_t head_dim) {
  std::vector<float> result;
  for (int64_t i = 0; i < head_dim; i += 2) {
    double frequency =
        1 / std::pow(scaling.theta, static_cast<double>(i) / static_cast<double>(head_dim));
    if (scaling.type == "linear") frequency /= scaling.factor;
    if (scaling.type == "llama3") frequency = llama3_frequency(frequency, scaling);
    result.push_back(static_cast<float>(frequency));
  }
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

at::Tensor angle_table(const ConfigFile& config, int64_t positions, int64_t head_dim,
                       at::Device device) {
  const Scaling scaling = read_scaling(config);
  const std::vector<float> frequency = frequencies(scaling, head_dim);
  check_angles(config, scaling, positions, frequency);
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

Rope::Rope(const Builder& model, const Shape& shape)
    : angles_(angle_table(model.config(),
                          model.max_model_len() ? model.max_model_len() : shape.max_positions,
                          shape.head_dim, model.backend().device())) {}

void Rope::apply(kernels::Rows heads, const Pass& pass) const {
  pass.backend.ops().rope(heads, pass.inputs.ragged.positions, angles_.const_data_ptr<float>(),
                          static_cast<int32_t>(angles_.size(1)));
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
