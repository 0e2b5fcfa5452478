#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir::nn {

/// The tensors of a checkpoint by name. Used by the thread that loads. A tensor is the caller's
/// own: what becomes of the files later does not reach it.
class Weights {
 public:
  virtual ~Weights() = default;
  virtual bool has(const std::string& name) const = 0;
  /// Throws LoadError where the tensor is missing, has another shape or a type that is not read, or
  /// where its file is cut short.
  virtual at::Tensor get(const std::string& name, at::IntArrayRef shape) = 0;
  /// Tensors that nobody asked for.
  virtual std::vector<std::string> unused() const = 0;
  /// The paths of the files, in the order of their names.
  virtual std::vector<std::string> files() const = 0;
  /// Bytes of all tensors.
  virtual uint64_t bytes() const = 0;
  /// What all tensors take as `type`.
  virtual uint64_t bytes_as(at::ScalarType type) const = 0;
  /// What whoever starts the model should know of its files.
  virtual std::vector<std::string> warnings() const = 0;
  /// Throws LoadError where a file was written since it was opened: tensors may be of both.
  virtual void check_unchanged() const = 0;
};

/// Whether tensors come with their numbers, or as at::kMeta has them: type and shape only.
enum class Numbers : uint8_t { read, left_out };

/// model.safetensors, or else the shards of model.safetensors.index.json. `read` is told how many
/// bytes were handed out so far. Throws LoadError on a broken file.
std::unique_ptr<Weights> open_safetensors(const std::string& directory, Numbers numbers,
                                          std::function<void(uint64_t)> read);

/// The tensors of one file beside head.json. Throws LoadError on a broken file.
std::unique_ptr<Weights> open_head_weights(const std::string& path, Numbers numbers);

/// Random tensors (normal, deviation 0.02; norms near 1) of whatever shape is asked: to measure a
/// shape without its weights. Every name is there.
std::unique_ptr<Weights> make_dummy_weights(uint64_t seed, at::Device device, at::ScalarType type);

}  // namespace weir::nn
