#include <ATen/ops/empty.h>

#include "weir/nn/gather.h"
#include "weir/nn/heads.h"
#include "weir/nn/rows.h"

namespace weir::nn {
namespace {

kernels::SampleRow sample_row(const RowTask& task, uint32_t ahead) {
  const auto& params = std::get<work::SamplingParams>(*task.params);
  kernels::SampleRow row{.temperature = params.temperature,
                         .top_p = params.top_p,
                         .min_p = params.min_p,
                         .top_k = params.top_k,
                         .seed = params.seed,
                         .draw = task.drawn + ahead};
  if (row.draw < params.min_tokens) row.banned = params.stop_tokens;
  return row;
}

class LmHead final : public Head {
 public:
  LmHead(Backend& backend, std::unique_ptr<Linear> projection)
      : backend_(backend), projection_(std::move(projection)) {}

  at::Tensor apply(const at::Tensor& hidden, const Inputs& inputs,
                   std::span<const RowTask> rows) const override {
    std::vector<kernels::SampleRow> samples;
    for (const RowTask& row : rows)
      for (uint32_t ahead = 0; ahead < row.lines(); ++ahead)
        samples.push_back(sample_row(row, ahead));
    const at::Tensor logits = projection_->logits(  // (n, vocabulary)
        inputs.read ? hidden : gather(backend_, hidden, *reads(inputs, rows)));
    at::Tensor ids = at::empty({logits.size(0)}, hidden.options().dtype(at::kInt));
    backend_.ops().sample(ids.mutable_data_ptr<int32_t>(), rows_of(logits), samples);
    return ids;
  }

  std::optional<std::vector<int32_t>> reads(const Inputs& inputs,
                                            std::span<const RowTask> rows) const override {
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < rows.size(); ++i) {
      const int32_t end = inputs.ragged.q_begin_host[i + 1];
      for (auto left = static_cast<int32_t>(rows[i].lines()); left > 0; --left)
        tokens.push_back(end - left);
    }
    return tokens;
  }

 private:
  Backend& backend_;
  std::unique_ptr<Linear> projection_;
};

}  // namespace

std::unique_ptr<Head> make_lm_head(Backend& backend, std::unique_ptr<Linear> projection) {
  return std::make_unique<LmHead>(backend, std::move(projection));
}

}  // namespace weir::nn
