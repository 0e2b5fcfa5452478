#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include "weir/kernels/gemm.h"
#include "weir/kernels/page_fetch.h"
#include "weir/kernels/weight_memory.h"
#include "weir/nn/backend.h"
#include "weir/nn/rows.h"

namespace weir::nn {
namespace {

// The packer reads float32 and bfloat16; float16 has no type of its own here.
at::Tensor readable(const at::Tensor& weight) {
  return weight.scalar_type() == at::kHalf ? weight.to(at::kFloat) : weight;
}

class LinearCpu final : public Linear {
 public:
  LinearCpu(const LinearSource& source, at::ScalarType type, kernels::ThreadPool& pool,
            kernels::WeightMemory& memory, kernels::PageFetch& fetch)
      : pool_(pool), fetch_(fetch), gate_(source.gate) {
    const auto packed = dtype_of(type);
    if (gate_) {
      const at::Tensor gates = readable(source.weights[0]), weight = readable(source.weights[1]);
      weight_ =
          kernels::PackedWeight::pack_gated(rows_of(gates), rows_of(weight), packed, pool, memory);
    } else {
      const at::Tensor weight =
          readable(source.weights.size() == 1 ? source.weights[0] : at::cat(source.weights));
      weight_ = kernels::PackedWeight::pack(rows_of(weight), packed, pool, memory);
    }
    if (!source.biases.empty()) bias_ = at::cat(source.biases).to(at::kFloat).contiguous();
  }

  at::Tensor forward(const at::Tensor& x, const Pass&, Activation activation) const override {
    at::Tensor out = room(x, x.scalar_type());
    product(out, x, {.act = gate_.value_or(activation), .gated = gate_.has_value()});
    return out;
  }
  void add_to(at::Tensor& out, const at::Tensor& x, const Pass&) const override {
    product(out, x, {.add = true});
  }
  at::Tensor logits(const at::Tensor& x, const Pass&) const override {
    at::Tensor out = room(x, at::kFloat);
    product(out, x, {});
    return out;
  }
  int64_t out_features() const override { return weight_->out_features(); }
  int64_t in_features() const override { return weight_->in_features(); }

 private:
  at::Tensor room(const at::Tensor& x, at::ScalarType type) const {
    return at::empty({x.size(0), out_features()}, x.options().dtype(type));
  }
  void product(at::Tensor& out, const at::Tensor& x, kernels::Epilogue epilogue) const {
    kernels::gemm(rows_of(out), rows_of(x), *weight_,
                  bias_.defined() ? bias_.const_data_ptr<float>() : nullptr, epilogue, pool_,
                  &fetch_);
  }

  kernels::ThreadPool& pool_;
  kernels::PageFetch& fetch_;
  const std::optional<Activation> gate_;
  std::unique_ptr<kernels::PackedWeight> weight_;
  at::Tensor bias_;
};

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(kernels::ThreadPool& pool)
      : pool_(pool), ops_(kernels::make_cpu_ops(pool, &fetch_)) {}
  at::Device device() const override { return at::kCPU; }
  kernels::Ops& ops() override { return *ops_; }
  std::unique_ptr<Linear> linear(const LinearSource& source, at::ScalarType type) override {
    return std::make_unique<LinearCpu>(source, type, pool_, memory_, fetch_);
  }

 private:
  kernels::ThreadPool& pool_;
  kernels::WeightMemory memory_;
  kernels::PageFetch fetch_;
  std::unique_ptr<kernels::Ops> ops_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(kernels::ThreadPool& pool) {
  return std::make_unique<CpuBackend>(pool);
}

}  // namespace weir::nn
