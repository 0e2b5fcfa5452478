#include "nn/heads/pooler.h"

#include <ATen/ops/clamp_min.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "weir/nn/rows.h"

namespace weir::nn {
namespace {

constexpr double kLeastNorm = 1e-12;  // as torch.nn.functional.normalize

}  // namespace

at::Tensor Pooler::pool(const at::Tensor& hidden, const Inputs& inputs,
                        std::span<const RowTask> tasks) const {
  at::Tensor vectors = pool_rows(hidden, inputs, left_out(inputs, tasks));
  if (plan_.numbers && *plan_.numbers < vectors.size(1))
    vectors = vectors.slice(1, 0, *plan_.numbers).contiguous();
  std::vector<int64_t> wanted;
  for (const RowTask& task : tasks)
    if (task.wants_output) wanted.push_back(task.row);
  if (static_cast<int64_t>(wanted.size()) == vectors.size(0)) return vectors;
  return at::index_select(
      vectors, 0, at::tensor(wanted, at::TensorOptions().dtype(at::kLong)).to(backend_.device()));
}

at::Tensor Pooler::pool_rows(const at::Tensor& hidden, const Inputs& inputs,
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
    backend_.ops().pool(columns(rows_of(vectors), i * width, width), rows_of(hidden), inputs.ragged,
                        rule);
  }
  if (plan_.normalize && modes > 1)
    vectors = at::div(vectors, at::clamp_min(at::norm(vectors, 2, {1}, true), kLeastNorm));
  return vectors;
}

/// Tokens of each row that are not pooled, on the device; undefined: none.
at::Tensor Pooler::left_out(const Inputs& inputs, std::span<const RowTask> tasks) const {
  std::vector<int32_t> counts(static_cast<size_t>(inputs.ragged.rows), 0);
  for (const RowTask& task : tasks) counts[task.row] = static_cast<int32_t>(task.read->left_out);
  if (std::ranges::all_of(counts, [](int32_t count) { return count == 0; })) return {};
  return at::tensor(counts, at::TensorOptions().dtype(at::kInt)).to(backend_.device());
}

}  // namespace weir::nn
