#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include "weir/nn/weights.h"

namespace weir::nn {
namespace {

class DummyWeights final : public Weights {
 public:
  DummyWeights(uint64_t seed, at::Device device, at::ScalarType type)
      : generator_(at::detail::createCPUGenerator(seed)),
        options_(at::TensorOptions().device(device).dtype(type)) {}

  bool has(const std::string&) const override { return true; }

  at::Tensor get(const std::string& name, at::IntArrayRef shape) override {
    at::Tensor tensor;
    if (shape.size() > 1) {
      // A CUDA device draws with its own generator: numbers made on the host would have to be
      // copied over.
      tensor = options_.device().is_cpu() ? at::randn(shape, generator_, options_.dtype(at::kFloat))
                                          : at::randn(shape, options_);
      tensor = tensor.mul_(0.02).to(c10::typeMetaToScalarType(options_.dtype()));
    } else {
      tensor = name.ends_with("bias") ? at::zeros(shape, options_) : at::ones(shape, options_);
    }
    bytes_ += tensor.nbytes();
    return tensor;
  }

  std::vector<std::string> unused() const override { return {}; }
  uint64_t bytes() const override { return bytes_; }
  uint64_t bytes_as(at::ScalarType) const override { return bytes_; }  // made as what they are
  std::vector<std::string> files() const override { return {}; }
  std::vector<std::string> warnings() const override { return {}; }
  void check_unchanged() const override {}

 private:
  at::Generator generator_;
  at::TensorOptions options_;
  uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<Weights> make_dummy_weights(uint64_t seed, at::Device device, at::ScalarType type) {
  return std::make_unique<DummyWeights>(seed, device, type);
}

}  // namespace weir::nn
