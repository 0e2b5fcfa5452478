#include "weir/nn/inner_states.h"

#include <ATen/ops/empty.h>

#include "weir/nn/rows.h"

namespace weir::nn {

InnerStates::InnerStates(const Pass& pass, int64_t layers, const at::Tensor& x) : pass_(pass) {
  const auto tokens = static_cast<int64_t>(pass.inputs.inner.size());
  if (tokens > 0) states_ = at::empty({layers + 1, tokens, x.size(1)}, x.options());
}

void InnerStates::keep(const at::Tensor& x) {
  if (!states_.defined()) return;
  pass_.backend.ops().gather(rows_of(states_.select(0, kept_++)), rows_of(x), pass_.inputs.inner);
}

}  // namespace weir::nn
