#pragma once

#include <ATen/ops/randn.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "weir/nn/weights.h"

namespace weir::fakes {

/// Numbers of whatever shape is asked, the same for one name; none is 0 or 1.
class SeededWeights final : public nn::Weights {
 public:
  bool has(const std::string&) const override { return true; }
  at::Tensor get(const std::string& name, at::IntArrayRef shape) override {
    auto [found, added] = tensors_.try_emplace(name);
    if (!added) return found->second;
    const double spread = shape.size() > 1 ? 1 / std::sqrt(static_cast<double>(shape[1])) : 0.3;
    return found->second = at::randn(shape, at::kFloat).mul_(spread).add_(0.01);
  }
  at::Tensor operator[](const std::string& name) const { return tensors_.at(name).to(at::kDouble); }

  std::vector<std::string> unused() const override { return {}; }
  std::vector<std::string> warnings() const override { return {}; }
  uint64_t bytes() const override { return 0; }
  uint64_t bytes_as(at::ScalarType) const override { return 0; }
  std::vector<std::string> files() const override { return {}; }
  void check_unchanged() const override {}

 private:
  std::map<std::string, at::Tensor> tensors_;
};

}  // namespace weir::fakes
