#include <string>

#include "nn/heads/head_layer.h"
#include "weir/base/excerpt.h"

namespace weir::nn {
namespace {

struct LayerKind {
  const char* type;
  std::unique_ptr<HeadLayer> (*make)(const HeadLayerArgs&, const ConfigFile&, int64_t& columns);
};

constexpr LayerKind kKinds[] = {
    {"linear", make_linear_layer},
    {"lstm", make_lstm_layer},
};

std::unique_ptr<HeadLayer> make_layer(const HeadLayerArgs& args, const ConfigFile& entry,
                                      int64_t& columns) {
  const std::string type = entry.text("type", "");
  std::string known;
  for (const LayerKind& kind : kKinds) {
    if (type == kind.type) return kind.make(args, entry, columns);
    known += (known.empty() ? "" : ", ") + std::string(kind.type);
  }
  entry.refuse("type \"" + excerpt(type) + "\" is not supported here (" + known + ")");
}

}  // namespace

HeadLayers::HeadLayers(const HeadLayerArgs& args, std::span<const ConfigFile> entries,
                       int64_t columns)
    : columns_(columns) {
  for (const ConfigFile& entry : entries) layers_.push_back(make_layer(args, entry, columns_));
}

at::Tensor HeadLayers::forward(at::Tensor x, std::span<const int32_t> begins,
                               const Pass& pass) const {
  for (const auto& layer : layers_) x = layer->forward(x, begins, pass);
  return x;
}

void check_shape(const ConfigFile& entry, const char* field, at::IntArrayRef shape) {
  if (!entry.has(field)) return;
  const nlohmann::json wanted = std::vector<int64_t>(shape.begin(), shape.end());
  const nlohmann::json& found = entry.json().at(field);
  if (found != wanted)
    entry.refuse(std::string(field) + " is " + excerpt(found.dump()) + "; its sizes make it " +
                 wanted.dump());
}

void check_size(const ConfigFile& entry, const char* field, int64_t wanted, const char* what) {
  const int64_t size = entry.size(field);
  if (size != wanted)
    entry.refuse(std::string(field) + " is " + std::to_string(size) + "; " + what + ' ' +
                 std::to_string(wanted));
}

std::vector<float> numbers_of(const at::Tensor& tensor) {
  std::vector<float> numbers(static_cast<size_t>(tensor.numel()));
  if (tensor.is_meta()) return numbers;
  const at::Tensor flat = tensor.to(at::kFloat).contiguous();
  const float* data = flat.const_data_ptr<float>();
  numbers.assign(data, data + flat.numel());
  return numbers;
}

}  // namespace weir::nn
