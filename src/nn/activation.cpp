#include "weir/nn/activation.h"

#include <utility>

namespace weir::nn {
namespace {

constexpr std::pair<const char*, Activation> kNames[] = {
    {"gelu", Activation::gelu},
    {"gelu_new", Activation::gelu_tanh},
    {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh},
    {"relu", Activation::relu},
    {"silu", Activation::silu},
    {"swish", Activation::silu},
};

}  // namespace

Activation activation_of(const ConfigFile& config, const char* field, const std::string& otherwise,
                         const std::string& prefix) {
  const std::string wanted = config.text(field, otherwise);
  std::string known;
  for (const auto& [name, activation] : kNames) {
    if (wanted == prefix + name) return activation;
    known += (known.empty() ? "" : ", ") + prefix + name;
  }
  config.refuse(std::string(field) + " \"" + wanted + "\" is not supported (" + known + ")");
}

}  // namespace weir::nn
