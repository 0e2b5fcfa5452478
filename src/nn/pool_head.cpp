#include <ATen/ops/clamp_min.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "weir/folder/sentence_modules.h"
#include "weir/nn/heads.h"
#include "weir/nn/rows.h"

namespace weir::nn {
namespace {

constexpr double kLeastNorm = 1e-12;  // as torch.nn.functional.normalize

class PoolHead final : public Head {
 public:
  PoolHead(Backend& backend, PoolingPlan plan) : backend_(backend), plan_(std::move(plan)) {}

  HeadOutput apply(const Hidden& hidden, const Inputs& inputs,
                   std::span<const RowTask> tasks) const override {
    at::Tensor vectors = pool(hidden.last, inputs, left_out(inputs, tasks));
    if (plan_.numbers && *plan_.numbers < vectors.size(1))
      vectors = vectors.slice(1, 0, *plan_.numbers).contiguous();
    std::vector<int64_t> wanted;
    for (const RowTask& task : tasks)
      if (task.wants_output) wanted.push_back(task.row);
    if (static_cast<int64_t>(wanted.size()) == vectors.size(0)) return {.numbers = vectors};
    return {.numbers = at::index_select(
                vectors, 0,
                at::tensor(wanted, at::TensorOptions().dtype(at::kLong)).to(backend_.device()))};
  }

  std::optional<std::vector<int32_t>> reads(const Inputs&,
                                            std::span<const RowTask>) const override {
    return {};
  }

 private:
  at::Tensor pool(const at::Tensor& hidden, const Inputs& inputs,
                  const at::Tensor& left_out) const {  // (rows, modes * hidden) float32
    const auto modes = static_cast<int64_t>(plan_.modes.size());
    const int64_t width = hidden.size(1);
    at::Tensor vectors =
        at::empty({inputs.ragged.rows, modes * width}, hidden.options().dtype(at::kFloat));
    kernels::PoolRule rule{
        .normalize = plan_.normalize && modes == 1,
        .left_out = left_out.defined() ? left_out.const_data_ptr<int32_t>() : nullptr};
    for (int64_t i = 0; i < modes; ++i) {
      rule.pooling = plan_.modes[static_cast<size_t>(i)];
      backend_.ops().pool(columns(rows_of(vectors), i * width, width), rows_of(hidden),
                          inputs.ragged, rule);
    }
    if (plan_.normalize && modes > 1)
      vectors = at::div(vectors, at::clamp_min(at::norm(vectors, 2, {1}, true), kLeastNorm));
    return vectors;
  }

  /// Tokens of each row that are not pooled, on the device; undefined: none.
  at::Tensor left_out(const Inputs& inputs, std::span<const RowTask> tasks) const {
    std::vector<int32_t> counts(static_cast<size_t>(inputs.ragged.rows), 0);
    for (const RowTask& task : tasks) counts[task.row] = static_cast<int32_t>(task.read->left_out);
    if (std::all_of(counts.begin(), counts.end(), [](int32_t count) { return count == 0; }))
      return {};
    return at::tensor(counts, at::TensorOptions().dtype(at::kInt)).to(backend_.device());
  }

  Backend& backend_;
  const PoolingPlan plan_;
};

kernels::Pooling pooling_of(folder::PoolingMode mode) {
  using folder::PoolingMode;
  switch (mode) {
    case PoolingMode::cls:
      return kernels::Pooling::cls;
    case PoolingMode::max:
      return kernels::Pooling::max;
    case PoolingMode::mean:
      return kernels::Pooling::mean;
    case PoolingMode::mean_sqrt_len_tokens:
      return kernels::Pooling::sqrt_length;
    case PoolingMode::weightedmean:
      return kernels::Pooling::weighted;
    case PoolingMode::lasttoken:
      return kernels::Pooling::last;
  }
  return kernels::Pooling::mean;
}

}  // namespace

NamedHead make_pool_head(Backend& backend, PoolingPlan plan) {
  return {{.task = folder::HeadTask::embed, .name = "embed"},
          std::make_unique<PoolHead>(backend, std::move(plan))};
}

PoolingPlan sentence_pooling(const std::string& directory) {
  auto modules = folder::read_sentence_modules(directory);
  if (!modules) throw LoadError(modules.error().message);
  if (!*modules) return {.modes = {kernels::Pooling::mean}, .normalize = true};
  PoolingPlan plan{.modes = {},
                   .normalize = (*modules)->normalize,
                   .numbers = (*modules)->truncate_dim,
                   .notes = (*modules)->notes};
  for (folder::PoolingMode mode : (*modules)->pooling) plan.modes.push_back(pooling_of(mode));
  if (plan.modes.empty()) plan.modes.push_back(kernels::Pooling::mean);
  return plan;
}

}  // namespace weir::nn
