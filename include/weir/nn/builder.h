#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/nn/backend.h"
#include "weir/nn/config.h"
#include "weir/nn/embedding.h"
#include "weir/nn/norm.h"
#include "weir/nn/shape.h"
#include "weir/nn/weights.h"

namespace weir::nn {

/// One of the weights that a linear layer stacks: `name`.weight, (out, in), and, in a layer with
/// biases, `name`.bias, (out).
struct Part {
  std::string name;
  int64_t out = 0;
  std::vector<int64_t> rows = {};  // output i is row rows[i] of the part; empty: row i
};

/// Each head has `from` columns in the checkpoint and is computed with `to`. The columns between
/// are zeros, which change no score and meet weights of zero.
struct HeadPadding {
  int64_t from = 1, to = 1;
};

/// What a linear layer is beside its weights.
struct LinearRole {
  int64_t in = 0;
  bool bias = false;
  std::optional<Activation> gate = {};  // as LinearSource has it: of two parts
  bool transposed = false;              // the checkpoint has weights as (in, out)
  HeadPadding outputs = {}, inputs = {};
  /// The checkpoint has the parts in one weight of this name, one after another; empty: each by its
  /// own.
  std::string stacked = {};
};

/// Makes the layers of a model from the names that a checkpoint has for them. Cheap to copy; what
/// it is made from outlives it. Used by the thread that loads.
///
/// Every function throws LoadError where a tensor is missing or has another shape.
class Builder {
 public:
  struct From {
    const std::string& directory;
    const ConfigFile& config;  // config.json
    Weights& weights;
    Backend& backend;
    at::ScalarType type;    // of activations and packed weights
    int64_t max_model_len;  // 0: what the model takes
  };
  explicit Builder(const From& from) : from_(from) {}

  const std::string& directory() const { return from_.directory; }
  const ConfigFile& config() const { return from_.config; }
  Backend& backend() const { return from_.backend; }
  at::ScalarType type() const { return from_.type; }
  int64_t max_model_len() const { return from_.max_model_len; }

  /// The same for tensors whose names begin with `prefix` too: under("layers.").under("3.").
  Builder under(const std::string& prefix) const;
  /// Layer `index` of the list `list`: under("list.index.").
  Builder layer(const std::string& list, int64_t index) const;
  /// Whether the checkpoint has the tensor.
  bool has(const std::string& name) const { return from_.weights.has(prefix_ + name); }
  /// As the checkpoint has it.
  at::Tensor tensor(const std::string& name, at::IntArrayRef shape) const {
    return from_.weights.get(prefix_ + name, shape);
  }
  /// `name`.weight where it is used, in the model's type: so that a head tied to it is no second
  /// copy there.
  at::Tensor table(const std::string& name, int64_t rows, int64_t columns) const;

  std::unique_ptr<Linear> linear(const std::vector<Part>& parts, const LinearRole& role) const;
  Embedding embedding(const std::string& name, int64_t rows, int64_t columns) const;
  RmsNorm rms_norm(const std::string& name, int64_t columns, double eps) const;
  LayerNorm layer_norm(const std::string& name, int64_t columns, double eps) const;
  /// Of q_norm and k_norm.
  HeadNorm head_norm(const Shape& shape, double eps) const;

 private:
  using Read = at::Tensor (Builder::*)(const Part&, const LinearRole&) const;
  at::Tensor weight(const Part& part, const LinearRole& role) const;  // (out, in)
  at::Tensor bias(const Part& part, const LinearRole& role) const;    // (out)
  std::vector<at::Tensor> each(const std::vector<Part>& parts, const LinearRole& role,
                               Read read) const;

  From from_;
  std::string prefix_;
};

}  // namespace weir::nn
