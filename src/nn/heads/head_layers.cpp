#include <algorithm>
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

void check_wording(const ConfigFile& entry, const char* field,
                   std::initializer_list<std::string_view> texts) {
  if (!entry.has(field)) return;
  const std::string found = entry.text(field);
  if (std::ranges::find(texts, found) != texts.end()) return;
  entry.refuse(std::string(field) + " is \"" + excerpt(found) + "\"; only " +
               std::string(*texts.begin()) + " is supported");
}

std::vector<std::string> texts_of(const ConfigFile& entry, const char* field) {
  std::vector<std::string> texts;
  if (!entry.has(field)) return texts;
  const nlohmann::json& list = entry.json().at(field);
  const auto is_text = [](const nlohmann::json& each) { return each.is_string(); };
  if (!list.is_array() || !std::ranges::all_of(list, is_text))
    entry.refuse(std::string(field) + " is " + excerpt(list.dump()) + ", not a list of strings");
  return list.get<std::vector<std::string>>();
}

std::vector<float> numbers_of(const at::Tensor& tensor) {
  const float* data = tensor.const_data_ptr<float>();
  return {data, data + tensor.numel()};
}

}  // namespace weir::nn
