#include "weir/nn/sampler.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "weir/nn/rows.h"

namespace weir::nn {

HeadOutput Sampler::room_for(std::span<const kernels::SampleRow> lines) const {
  int64_t most = -1;
  for (const kernels::SampleRow& line : lines) most = std::max<int64_t>(most, line.logprobs);
  const auto count = static_cast<int64_t>(lines.size());
  const auto options = at::TensorOptions().device(backend_.device());
  HeadOutput out;
  out.ids = at::empty({count}, options.dtype(at::kInt));
  if (most < 0) return out;
  out.logprobs = at::empty({count}, options.dtype(at::kFloat));
  out.ranks = at::empty({count}, options.dtype(at::kInt));
  if (most == 0) return out;
  out.top_ids = at::empty({count, most}, options.dtype(at::kInt));
  out.top_logprobs = at::empty({count, most}, options.dtype(at::kFloat));
  return out;
}

void Sampler::draw(HeadOutput& out, int64_t first, const at::Tensor& logits,
                   std::span<const kernels::SampleRow> lines) const {
  kernels::SampleOut to{.ids = out.ids.mutable_data_ptr<int32_t>() + first};
  if (out.logprobs.defined()) {
    to.logprobs = out.logprobs.mutable_data_ptr<float>() + first;
    to.ranks = out.ranks.mutable_data_ptr<int32_t>() + first;
  }
  if (out.top_ids.defined()) {
    to.top = static_cast<int32_t>(out.top_ids.size(1));
    to.top_ids = out.top_ids.mutable_data_ptr<int32_t>() + first * to.top;
    to.top_logprobs = out.top_logprobs.mutable_data_ptr<float>() + first * to.top;
  }
  backend_.ops().sample(to, rows_of(logits), lines);
}

}  // namespace weir::nn
