#include <ATen/ops/empty.h>

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
    std::vector<int32_t> last;
    std::vector<kernels::SampleRow> samples;
    for (size_t i = 0; i < rows.size(); ++i) {
      const uint32_t lines = rows[i].lines();
      const int32_t end = inputs.ragged.q_begin_host[i + 1];
      for (uint32_t ahead = 0; ahead < lines; ++ahead) {
        last.push_back(end - static_cast<int32_t>(lines - ahead));
        samples.push_back(sample_row(rows[i], ahead));
      }
    }
    auto count = static_cast<int64_t>(last.size());
    at::Tensor chosen = at::empty({count, hidden.size(1)}, hidden.options());  // (n, hidden)
    backend_.ops().gather(rows_of(chosen), rows_of(hidden), last);
    at::Tensor logits = projection_->logits(chosen);  // (n, vocabulary)
    at::Tensor ids = at::empty({count}, hidden.options().dtype(at::kInt));
    backend_.ops().sample(ids.mutable_data_ptr<int32_t>(), rows_of(logits), samples);
    return ids;
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
