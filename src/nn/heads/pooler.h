#pragma once

#include <span>

#include "weir/nn/heads.h"

namespace weir::nn {

/// Hidden states of a step's tokens to one vector for each task that wants an answer.
class Pooler {
 public:
  Pooler(Backend& backend, PoolingPlan plan) : backend_(backend), plan_(std::move(plan)) {}

  /// hidden: (tokens, hidden) of every token of the step. Gives (lines, modes * hidden) float32, or
  /// as many columns as the plan keeps.
  at::Tensor pool(const at::Tensor& hidden, const Inputs& inputs,
                  std::span<const RowTask> tasks) const;

 private:
  at::Tensor pool_rows(const at::Tensor& hidden, const Inputs& inputs,
                       const at::Tensor& left_out) const;
  at::Tensor left_out(const Inputs& inputs, std::span<const RowTask> tasks) const;

  Backend& backend_;
  const PoolingPlan plan_;
};

}  // namespace weir::nn
