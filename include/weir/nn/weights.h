#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir::nn {

/// The tensors of a checkpoint by name. Used by the thread that loads. Tensors may be views of
/// read-only file pages: they are copied or packed, never written.
class Weights {
 public:
  virtual ~Weights() = default;
  virtual bool has(const std::string& name) const = 0;
  /// Throws LoadError where the tensor is missing or has another shape.
  virtual at::Tensor get(const std::string& name, at::IntArrayRef shape) = 0;
  /// Tensors that nobody asked for.
  virtual std::vector<std::string> unused() const = 0;
  /// Bytes of all tensors, and a hash of the files' headers and sizes: 12 hex digits.
  virtual uint64_t bytes() const = 0;
  /// What all tensors take as `type`.
  virtual uint64_t bytes_as(at::ScalarType type) const = 0;
  virtual std::string fingerprint() const = 0;
  /// File pages that were read leave the resident set; tensors stay valid.
  virtual void drop_pages() = 0;
};

/// model.safetensors, or the shards of model.safetensors.index.json, by mmap. `read` is told how
/// many bytes were handed out so far. Throws LoadError on a broken file.
std::unique_ptr<Weights> open_safetensors(const std::string& directory,
                                          std::function<void(uint64_t)> read);

/// Random tensors (normal, deviation 0.02; norms near 1) of whatever shape is asked: to measure a
/// shape without its weights. Every name is there.
std::unique_ptr<Weights> make_dummy_weights(uint64_t seed, at::Device device, at::ScalarType type);

}  // namespace weir::nn
