// A classifier of a checkpoint (BertForSequenceClassification): of the first token's state a dense
// layer and its activation, then a linear layer with a column for each label.
#include "nn/heads/checkpoint_head.h"
#include "nn/heads/labels.h"
#include "nn/heads/read_tokens.h"
#include "weir/nn/gather.h"

namespace weir::nn {
namespace {

class ClassifyHead final : public Head {
 public:
  ClassifyHead(const HeadArgs& args, int64_t labels)
      : backend_(args.build.backend()),
        dense_(args.build.linear({{dense_name(args), args.hidden}},
                                 {.in = args.hidden, .bias = true})),
        activation_(args.head.dense.activation),
        classifier_(
            args.build.linear({{args.head.labels, labels}}, {.in = args.hidden, .bias = true})) {}

  HeadOutput apply(const Hidden& hidden, const Pass& pass,
                   std::span<const RowTask> tasks) const override {
    const at::Tensor first = pick(backend_, hidden.last, pass.inputs.read,
                                  first_tokens(pass.inputs, tasks));  // (lines, hidden)
    return {.numbers = classifier_->logits(dense_->forward(first, pass, activation_), pass)};
  }

  std::optional<std::vector<int32_t>> reads(const Inputs& inputs,
                                            std::span<const RowTask> tasks) const override {
    return first_tokens(inputs, tasks);
  }

 private:
  static std::string dense_name(const HeadArgs& args) {
    const DenseLayer& dense = args.head.dense;
    return (dense.of_trunk ? args.trunk : "") + dense.name;
  }

  Backend& backend_;
  std::unique_ptr<Linear> dense_;
  const Activation activation_;
  std::unique_ptr<Linear> classifier_;
};

}  // namespace

NamedHead make_classify_head(const HeadArgs& args) {
  NamedHead made{.card = {.task = folder::HeadTask::classify,
                          .name = args.head.architecture,
                          .labels = labels_of(args.build.config())}};
  made.card.scores = scores_of(args.build.config(), made.card.labels.size());
  made.head = std::make_unique<ClassifyHead>(args, static_cast<int64_t>(made.card.labels.size()));
  return made;
}

}  // namespace weir::nn
