#include "weir/nn/norm.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>

#include "weir/nn/rows.h"

namespace weir::nn {

RmsNorm::RmsNorm(Backend& backend, const at::Tensor& weight, at::ScalarType type, double eps)
    : backend_(backend),
      weight_(weight.to(backend.device(), type).contiguous()),
      eps_(static_cast<float>(eps)) {}

at::Tensor RmsNorm::forward(const at::Tensor& x) const {
  at::Tensor out = at::empty_like(x);
  backend_.ops().rms_norm(rows_of(out), rows_of(x), weight_.const_data_ptr(), eps_);
  return out;
}

at::Tensor RmsNorm::add_forward(at::Tensor& residual, const at::Tensor& x) const {
  at::Tensor out = at::empty_like(x);
  backend_.ops().add_rms_norm(rows_of(out), rows_of(residual), rows_of(x), weight_.const_data_ptr(),
                              eps_);
  return out;
}

HeadNorm::HeadNorm(Backend& backend, const Shared& queries, const Shared& keys, at::ScalarType type,
                   double eps)
    : backend_(backend),
      weight_(at::cat({queries.weight.repeat({queries.heads}), keys.weight.repeat({keys.heads})})
                  .to(backend.device(), type)),
      head_dim_(static_cast<int32_t>(queries.weight.size(0))),
      eps_(static_cast<float>(eps)) {}

void HeadNorm::apply(kernels::Rows qk) const {
  backend_.ops().rms_norm_heads(qk, weight_.const_data_ptr(), head_dim_, eps_);
}

LayerNorm::LayerNorm(Backend& backend, const at::Tensor& weight, const at::Tensor& bias,
                     at::ScalarType type, double eps)
    : backend_(backend),
      weight_(weight.to(backend.device(), type).contiguous()),
      bias_(bias.to(backend.device(), type).contiguous()),
      eps_(static_cast<float>(eps)) {}

at::Tensor LayerNorm::forward(const at::Tensor& x) const {
  at::Tensor out = at::empty_like(x);
  backend_.ops().layer_norm(rows_of(out), rows_of(x), {}, weight_.const_data_ptr(),
                            bias_.const_data_ptr(), eps_);
  return out;
}

at::Tensor LayerNorm::add_forward(const at::Tensor& x, const at::Tensor& residual) const {
  at::Tensor out = at::empty_like(x);
  backend_.ops().layer_norm(rows_of(out), rows_of(x), rows_of(residual), weight_.const_data_ptr(),
                            bias_.const_data_ptr(), eps_);
  return out;
}

}  // namespace weir::nn
