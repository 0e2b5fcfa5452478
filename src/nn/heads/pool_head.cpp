#include "nn/heads/pooler.h"
#include "weir/folder/sentence_modules.h"
#include "weir/nn/heads.h"

namespace weir::nn {
namespace {

class PoolHead final : public Head {
 public:
  PoolHead(Backend& backend, PoolingPlan plan) : pooler_(backend, std::move(plan)) {}

  HeadOutput apply(const Hidden& hidden, const Pass& pass,
                   std::span<const RowTask> tasks) const override {
    return {.numbers = pooler_.pool(hidden.last, pass.inputs, tasks)};
  }

  std::optional<std::vector<int32_t>> reads(const Inputs&,
                                            std::span<const RowTask>) const override {
    return {};
  }

 private:
  const Pooler pooler_;
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
