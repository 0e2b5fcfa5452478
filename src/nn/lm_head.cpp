#include <algorithm>

#include "weir/nn/gather.h"
#include "weir/nn/heads.h"
#include "weir/nn/sampler.h"

namespace weir::nn {
namespace {

// The logits that are there at once: a prompt of which each token is scored has many.
constexpr int64_t kMostLogits = int64_t{16} << 20, kLeastLines = 64;

class LmHead final : public Head {
 public:
  LmHead(Backend& backend, std::unique_ptr<Linear> projection, float scale)
      : backend_(backend), projection_(std::move(projection)), scale_(scale), sampler_(backend) {}

  HeadOutput apply(const Hidden& hidden, const Pass& pass,
                   std::span<const RowTask> tasks) const override {
    lines_.fill(tasks, projection_->out_features());
    const auto lines = lines_.lines();
    // Beside heads that read, the trunk gives more than what is drawn from.
    const bool alone = pass.inputs.read && pass.inputs.read->size() == lines.size();
    const at::Tensor wanted =
        alone ? hidden.last
              : pick(backend_, hidden.last, pass.inputs.read, *reads(pass.inputs, tasks));
    const int64_t all = wanted.size(0);
    const int64_t at_once = std::max(kMostLogits / projection_->out_features(), kLeastLines);
    HeadOutput out = sampler_.room_for(lines);
    for (int64_t first = 0; first < all; first += at_once) {
      const int64_t count = std::min(at_once, all - first);
      sampler_.draw(out, first, logits(wanted.narrow(0, first, count), pass),
                    lines.subspan(static_cast<size_t>(first), static_cast<size_t>(count)));
    }
    return out;
  }

  std::optional<std::vector<int32_t>> reads(const Inputs& inputs,
                                            std::span<const RowTask> tasks) const override {
    std::vector<int32_t> tokens;
    for (const RowTask& task : tasks) {
      const int32_t begin = inputs.ragged.q_begin_host[task.row],
                    end = inputs.ragged.q_begin_host[task.row + 1];
      const int32_t scored = begin + static_cast<int32_t>(task.score_from);
      for (size_t j = 0; j < task.scored.size(); ++j)
        tokens.push_back(scored + static_cast<int32_t>(j));
      for (auto left = static_cast<int32_t>(task.draws()); left > 0; --left)
        tokens.push_back(end - left);
    }
    return tokens;
  }

 private:
  at::Tensor logits(const at::Tensor& states, const Pass& pass) const {
    at::Tensor products = projection_->logits(states, pass);
    return scale_ == 1 ? products : products.mul_(scale_);
  }

  Backend& backend_;
  std::unique_ptr<Linear> projection_;
  const float scale_;
  Sampler sampler_;
  mutable SampleLines lines_;  // of this step; kept for its memory
};

}  // namespace

NamedHead make_lm_head(const Builder& model, const Shape& shape, const at::Tensor& table,
                       float scale) {
  auto projection = shape.tied
                        ? model.backend().linear({.weights = {table}, .biases = {}}, model.type())
                        : model.linear({{"lm_head", shape.vocabulary}},
                                       {.in = shape.hidden, .bias = model.has("lm_head.bias")});
  return {{.task = folder::HeadTask::generate, .name = "generate"},
          std::make_unique<LmHead>(model.backend(), std::move(projection), scale)};
}

}  // namespace weir::nn
