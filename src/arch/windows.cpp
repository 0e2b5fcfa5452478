#include "arch/windows.h"

#include <algorithm>
#include <string>

namespace weir::arch {
namespace {

constexpr const char* kFull = "full_attention";
constexpr const char* kSliding = "sliding_attention";

/// Layers from max_window_layers on slide.
bool slides_by_count(const nn::ConfigFile& config, int64_t layers) {
  const int64_t full = config.integer("max_window_layers", 28);
  if (full <= 0 || full >= layers) return full <= 0;
  config.refuse("max_window_layers is " + std::to_string(full) + " of " + std::to_string(layers) +
                " layers: a window in some layers is not supported");
}

bool slides_by_name(const nn::ConfigFile& config, int64_t layers) {
  const std::vector<std::string> types = config.texts("layer_types");
  if (static_cast<int64_t>(types.size()) != layers)
    config.refuse("layer_types names " + std::to_string(types.size()) +
                  " layers; num_hidden_layers is " + std::to_string(layers));
  const std::string& first = types.front();
  if (first != kFull && first != kSliding)
    config.refuse("layer_types[0] is \"" + first + "\"; " + kFull + " and " + kSliding +
                  " are supported");
  const auto other = std::ranges::find_if(types, [&](const auto& type) { return type != first; });
  if (other != types.end())
    config.refuse("layer_types[" + std::to_string(other - types.begin()) + "] is \"" + *other +
                  "\" and layer_types[0] is \"" + first +
                  "\": layers that differ are not supported");
  return first == kSliding;
}

int64_t switched_window(const nn::ConfigFile& config, int64_t otherwise, int64_t layers) {
  const bool none =
      !config.boolean("use_sliding_window", false) || config.is_null("sliding_window");
  const int64_t window = none ? 0 : config.size("sliding_window", otherwise);
  const bool named = config.has("layer_types");
  const bool slides =
      named ? slides_by_name(config, layers) : window > 0 && slides_by_count(config, layers);
  if (slides && window == 0)
    config.refuse(std::string("layer_types is \"") + kSliding +
                  "\" and there is no window: use_sliding_window and sliding_window say it");
  return slides ? window : 0;
}

}  // namespace

int64_t read_window(const nn::ConfigFile& config, const WindowRule& rule, int64_t layers) {
  using enum WindowRule::Where;
  if (rule.where == nowhere) return 0;
  if (rule.where == switched) return switched_window(config, rule.otherwise, layers);
  if (config.is_null("sliding_window")) return 0;
  if (rule.otherwise == 0 && !config.has("sliding_window")) return 0;
  return config.size("sliding_window", rule.otherwise);
}

}  // namespace weir::arch
