#include <ATen/Context.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <c10/cuda/CUDAStream.h>

#include "weir/kernels/cuda_ops.h"
#include "weir/nn/backend.h"
#include "weir/nn/rows.h"

namespace weir::nn {
namespace {

at::Tensor stacked(const std::vector<at::Tensor>& parts, at::Device device, at::ScalarType type) {
  std::vector<at::Tensor> there;
  for (const at::Tensor& part : parts) there.push_back(part.to(device, type));
  return there.size() == 1 ? there[0].contiguous() : at::cat(there);
}

class LinearCuda final : public Linear {
 public:
  LinearCuda(const LinearSource& source, at::Device device, at::ScalarType type, kernels::Ops& ops)
      : ops_(ops), gate_(source.gate), weight_(stacked(source.weights, device, type)) {
    if (!source.biases.empty()) bias_ = stacked(source.biases, device, type);
  }

  at::Tensor forward(const at::Tensor& x, const Pass&, Activation activation) const override {
    at::Tensor y = bias_.defined() ? at::linear(x, weight_, bias_) : at::linear(x, weight_);
    if (gate_) {
      at::Tensor out = at::empty({y.size(0), out_features()}, y.options());
      ops_.gate(rows_of(out), rows_of(y), *gate_);
      return out;
    }
    if (activation != Activation::none) ops_.activate(rows_of(y), activation);
    return y;
  }

  void add_to(at::Tensor& out, const at::Tensor& x, const Pass& pass) const override {
    out.add_(forward(x, pass, Activation::none));
  }

  // The sums leave the product as float32: rounded to bfloat16 first, near logits would tie.
  at::Tensor logits(const at::Tensor& x, const Pass&) const override {
    at::Tensor y =
        x.scalar_type() == at::kFloat ? at::mm(x, weight_.t()) : at::mm(x, weight_.t(), at::kFloat);
    return bias_.defined() ? y.add_(bias_) : y;
  }

  int64_t out_features() const override { return weight_.size(0) / (gate_ ? 2 : 1); }
  int64_t in_features() const override { return weight_.size(1); }

 private:
  kernels::Ops& ops_;
  const std::optional<Activation> gate_;
  at::Tensor weight_, bias_;  // (out, in), (out); of a gated layer twice, the gates first
};

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(int device)
      : device_(at::kCUDA, static_cast<at::DeviceIndex>(device)),
        ops_(kernels::make_cuda_ops(c10::cuda::getCurrentCUDAStream(device_.index()).stream())) {
    // Sums are of float32, whatever the environment or a product cut along its inputs would have.
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setAllowBF16ReductionCuBLAS(false);
  }
  at::Device device() const override { return device_; }
  kernels::Ops& ops() override { return *ops_; }
  std::unique_ptr<Linear> linear(const LinearSource& source, at::ScalarType type) override {
    return std::make_unique<LinearCuda>(source, device_, type, *ops_);
  }

 private:
  at::Device device_;
  std::unique_ptr<kernels::Ops> ops_;
};

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(int device) {
  return std::make_unique<CudaBackend>(device);
}

}  // namespace weir::nn
