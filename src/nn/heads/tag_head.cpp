// A tagger of a checkpoint (BertForTokenClassification): a linear layer with a column for each
// label, of each token that is asked for.
#include "nn/heads/checkpoint_head.h"
#include "nn/heads/labels.h"
#include "nn/heads/read_tokens.h"
#include "weir/nn/gather.h"

namespace weir::nn {
namespace {

class TagHead final : public Head {
 public:
  TagHead(const HeadArgs& args, int64_t labels)
      : backend_(args.build.backend()),
        classifier_(
            args.build.linear({{args.head.labels, labels}}, {.in = args.hidden, .bias = true})) {}

  HeadOutput apply(const Hidden& hidden, const Pass& pass,
                   std::span<const RowTask> tasks) const override {
    return {
        .numbers = classifier_->logits(
            pick(backend_, hidden.last, pass.inputs.read, named_tokens(pass.inputs, tasks)), pass)};
  }

  std::optional<std::vector<int32_t>> reads(const Inputs& inputs,
                                            std::span<const RowTask> tasks) const override {
    return named_tokens(inputs, tasks);
  }

 private:
  Backend& backend_;
  std::unique_ptr<Linear> classifier_;
};

}  // namespace

NamedHead make_tag_head(const HeadArgs& args) {
  NamedHead made{.card = {.task = folder::HeadTask::tag,
                          .name = args.head.architecture,
                          .labels = labels_of(args.build.config())}};
  made.head = std::make_unique<TagHead>(args, static_cast<int64_t>(made.card.labels.size()));
  return made;
}

}  // namespace weir::nn
