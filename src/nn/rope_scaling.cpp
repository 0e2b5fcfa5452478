#include "nn/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "weir/nn/rope.h"

namespace weir::nn {
namespace {

std::string type_of(const ConfigFile& parameters) {
  return parameters.text("rope_type", parameters.text("type", "default"));
}

[[noreturn]] void refuse_type(const ConfigFile& parameters, const std::string& type,
                              const char* supported) {
  parameters.refuse("rope_type \"" + type + "\" is not supported (" + supported + ")");
}

double needed(const ConfigFile& parameters, const std::string& type, const char* field) {
  if (!parameters.has(field))
    parameters.refuse(std::string(field) + " is missing; rope_type \"" + type + "\" needs it");
  return parameters.positive(field, 1);
}

double original_positions(const ConfigFile& config, const ConfigFile& parameters) {
  constexpr const char* kOriginal = "original_max_position_embeddings";
  const double positions = config.positive("max_position_embeddings", 1);
  return config.positive(kOriginal, parameters.positive(kOriginal, positions));
}

void read_llama3(RopeScaling& scaling, const ConfigFile& parameters) {
  scaling.low = needed(parameters, scaling.type, "low_freq_factor");
  scaling.high = needed(parameters, scaling.type, "high_freq_factor");
  if (scaling.high == scaling.low)
    parameters.refuse("low_freq_factor and high_freq_factor are equal");
}

/// A field of which the reference takes 0 for absence.
double unless_zero(const ConfigFile& parameters, const char* field, double otherwise) {
  const double value = parameters.not_negative(field, 0);
  return value == 0 ? otherwise : value;
}

double yarn_magnitude(const RopeScaling& scaling, const ConfigFile& parameters) {
  const auto grown = [&](double by) {
    return scaling.factor <= 1 ? 1 : 0.1 * by * std::log(scaling.factor) + 1;
  };
  const double scale = parameters.not_negative("mscale", 0),
               of_all = parameters.not_negative("mscale_all_dim", 0);
  const double by_factor = scale > 0 && of_all > 0 ? grown(scale) / grown(of_all) : grown(1);
  return parameters.positive("attention_factor", by_factor);
}

void read_yarn(RopeScaling& scaling, const ConfigFile& parameters) {
  if (scaling.theta == 1)
    parameters.refuse("rope_theta is 1; rope_type \"yarn\" takes its logarithm");
  scaling.fast = unless_zero(parameters, "beta_fast", 32);
  scaling.slow = unless_zero(parameters, "beta_slow", 1);
  scaling.whole_pairs = parameters.boolean("truncate", true);
  scaling.magnitude = yarn_magnitude(scaling, parameters);
}

// Llama 3.1: long wavelengths are slowed by `factor`, short ones kept, those between blended.
double llama3_frequency(double frequency, const RopeScaling& scaling) {
  double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < scaling.original / scaling.high) return frequency;
  if (wavelength > scaling.original / scaling.low) return frequency / scaling.factor;
  double smooth = (scaling.original / wavelength - scaling.low) / (scaling.high - scaling.low);
  return (1 - smooth) * frequency / scaling.factor + smooth * frequency;
}

/// The pairs of columns between which YaRN blends: those up to `first` are kept, those from `last`
/// on are slowed by `factor`.
struct YarnRamp {
  double first = 0, last = 0;

  YarnRamp(const RopeScaling& scaling, int64_t rotated) {
    const auto columns = static_cast<double>(rotated);
    const auto pair_that_turns = [&](double times) {
      return columns * std::log(scaling.original / (times * 2 * std::numbers::pi)) /
             (2 * std::log(scaling.theta));
    };
    first = pair_that_turns(scaling.fast);
    last = pair_that_turns(scaling.slow);
    if (scaling.whole_pairs) first = std::floor(first), last = std::ceil(last);
    first = std::max(first, 0.0);
    last = std::min(last, columns - 1);
    if (first == last) last += 0.001;
  }
  double slowed(int64_t pair) const {
    return std::clamp((static_cast<double>(pair) - first) / (last - first), 0.0, 1.0);
  }
};

/// In float32, as the reference computes it. Of the pair of column `i`.
float yarn_frequency(int64_t i, const RopeScaling& scaling, int64_t rotated) {
  const float kept = 1 - static_cast<float>(YarnRamp(scaling, rotated).slowed(i / 2));
  const float wave = std::pow(static_cast<float>(scaling.theta),
                              static_cast<float>(i) / static_cast<float>(rotated));
  return 1 / (static_cast<float>(scaling.factor) * wave) * (1 - kept) + 1 / wave * kept;
}

}  // namespace

std::optional<ConfigFile> rope_object(const ConfigFile& config) {
  return config.first_object({"rope_parameters", "rope_scaling"});
}

RopeScaling read_rope_scaling(const ConfigFile& config) {
  RopeScaling scaling{.theta = config.positive("rope_theta", 10000)};
  const auto parameters = rope_object(config);
  if (!parameters) return scaling;
  scaling.theta = parameters->positive("rope_theta", scaling.theta);
  scaling.type = type_of(*parameters);
  const std::string& type = scaling.type;
  if (type == "default") return scaling;
  if (type != "linear" && type != "llama3" && type != "yarn")
    refuse_type(*parameters, type, "default, linear, llama3, yarn");
  scaling.factor = needed(*parameters, type, "factor");
  if (type == "linear") return scaling;
  scaling.original = original_positions(config, *parameters);
  if (type == "llama3") read_llama3(scaling, *parameters);
  if (type == "yarn") read_yarn(scaling, *parameters);
  return scaling;
}

void expect_plain_rope(const ConfigFile& config) {
  const auto parameters = rope_object(config);
  const std::string type = parameters ? type_of(*parameters) : "default";
  if (type != "default") refuse_type(*parameters, type, "default");
}

std::vector<float> rope_frequencies(const RopeScaling& scaling, int64_t rotated) {
  std::vector<float> result;
  for (int64_t i = 0; i < rotated; i += 2) {
    double frequency =
        1 / std::pow(scaling.theta, static_cast<double>(i) / static_cast<double>(rotated));
    if (scaling.type == "linear") frequency /= scaling.factor;
    if (scaling.type == "llama3") frequency = llama3_frequency(frequency, scaling);
    if (scaling.type == "yarn") frequency = yarn_frequency(i, scaling, rotated);
    result.push_back(static_cast<float>(frequency));
  }
  return result;
}

}  // namespace weir::nn
