#include "weir/nn/rope.h"

#include <ATen/ops/empty.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace weir::nn {
namespace {

// Llama 3.1: long wavelengths are slowed by `factor`, short ones kept, those between blended.
double llama3_frequency(double frequency, const ConfigFile& scaling) {
  double factor = scaling.positive("factor", 8), low = scaling.positive("low_freq_factor", 1),
         high = scaling.positive("high_freq_factor", 4),
         original = scaling.positive("original_max_position_embeddings", 8192);
  if (high == low) scaling.refuse("low_freq_factor and high_freq_factor are equal");
  double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < original / high) return frequency;
  if (wavelength > original / low) return frequency / factor;
  double smooth = (original / wavelength - low) / (high - low);
  return (1 - smooth) * frequency / factor + smooth * frequency;
}

std::vector<float> frequencies(const ConfigFile& config, int64_t head_dim) {
  auto parameters = config.first_object({"rope_parameters", "rope_scaling"});
  double theta = config.positive("rope_theta", 10000);
  std::string type = "default";
  if (parameters) {
    theta = parameters->positive("rope_theta", theta);
    type = parameters->text("rope_type", parameters->text("type", "default"));
    if (parameters->number("partial_rotary_factor", 1) != 1)
      parameters->refuse("partial_rotary_factor other than 1 is not supported");
  }
  if (type != "default" && type != "linear" && type != "llama3")
    parameters->refuse("rope_type \"" + type + "\" is not supported (default, linear, llama3)");
  std::vector<float> result;
  for (int64_t i = 0; i < head_dim; i += 2) {
    double frequency = 1 / std::pow(theta, static_cast<double>(i) / static_cast<double>(head_dim));
    if (type == "linear") frequency /= parameters->positive("factor", 1);
    if (type == "llama3") frequency = llama3_frequency(frequency, *parameters);
    result.push_back(static_cast<float>(frequency));
  }
  return result;
}

}  // namespace

at::Tensor rope_table(const ConfigFile& config, int64_t positions, int64_t head_dim,
                      at::Device device) {
  std::vector<float> frequency = frequencies(config, head_dim);
  if (device.is_meta()) return at::empty({positions, head_dim}, at::device(device));
  at::Tensor table = at::empty({positions, head_dim}, at::kFloat);
  float* out = table.mutable_data_ptr<float>();
  for (int64_t position = 0; position < positions; ++position, out += head_dim)
    for (int64_t i = 0; i < head_dim / 2; ++i) {
      // The reference multiplies in float32, so the angle is rounded before its cosine.
      float angle = static_cast<float>(position) * frequency[static_cast<size_t>(i)];
      out[i] = std::cos(angle);
      out[head_dim / 2 + i] = std::sin(angle);
    }
  return table.to(device);
}

}  // namespace weir::nn
