#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/heads/head_tensors.h"
#include "weir/nn/backend.h"
#include "weir/nn/config.h"
#include "weir/nn/pass.h"

namespace weir::nn {

/// One layer of a head's folder. Lines in, as many lines out, float32.
class HeadLayer {
 public:
  virtual ~HeadLayer() = default;
  /// x: (lines, in). Lines of row i are [begins[i], begins[i + 1]). Gives (lines, out).
  virtual at::Tensor forward(const at::Tensor& x, std::span<const int32_t> begins,
                             const Pass& pass) const = 0;
};

/// What a head's layers are made from.
struct HeadLayerArgs {
  HeadTensors& tensors;
  Backend& backend;
  bool on_gpu = false;
};

/// The layers of a head one after another.
class HeadLayers {
 public:
  /// `entries` of head.json's "layers" without those that the head itself reads (scalar_mix, crf);
  /// lines of `columns` numbers come in. Throws LoadError.
  HeadLayers(const HeadLayerArgs& args, std::span<const ConfigFile> entries, int64_t columns);

  at::Tensor forward(at::Tensor x, std::span<const int32_t> begins, const Pass& pass) const;
  int64_t columns() const { return columns_; }  // that come out

 private:
  std::vector<std::unique_ptr<HeadLayer>> layers_;
  int64_t columns_;
};

/// Refuses `entry` where its `field`, a list of numbers, is there and is not `shape`.
void check_shape(const ConfigFile& entry, const char* field, at::IntArrayRef shape);

/// Refuses `entry` where its `field` is another number than `wanted`, which `what` says.
void check_size(const ConfigFile& entry, const char* field, int64_t wanted, const char* what);

/// Refuses `entry` where its `field` is there and is not one of `texts`: wordings of the one thing
/// that is computed. The message names the first of them.
void check_wording(const ConfigFile& entry, const char* field,
                   std::initializer_list<std::string_view> texts);

/// The texts of a list; none where it is absent. Refuses `entry` where it is another thing.
std::vector<std::string> texts_of(const ConfigFile& entry, const char* field);

/// The numbers of a tensor of head.safetensors.
std::vector<float> numbers_of(const at::Tensor& tensor);

// The kinds of layers: a file each, a line each in head_layers.cpp. `columns`: those that come in;
// becomes those that come out.
std::unique_ptr<HeadLayer> make_linear_layer(const HeadLayerArgs& args, const ConfigFile& entry,
                                             int64_t& columns);
std::unique_ptr<HeadLayer> make_lstm_layer(const HeadLayerArgs& args, const ConfigFile& entry,
                                           int64_t& columns);

}  // namespace weir::nn
