// "sequence-classification": the pooled last hidden states through the layers.
#include "nn/heads/folder_head.h"
#include "nn/heads/pooler.h"
#include "nn/heads/tag_scheme.h"
#include "weir/base/excerpt.h"

namespace weir::nn {
namespace {

class FolderClassify final : public Head {
 public:
  FolderClassify(Pooler pooler, HeadLayers layers)
      : pooler_(std::move(pooler)), layers_(std::move(layers)) {}

  HeadOutput apply(const Hidden& hidden, const Pass& pass,
                   std::span<const RowTask> tasks) const override {
    return {.numbers = layers_.forward(pooler_.pool(hidden.last, pass.inputs, tasks), {}, pass)};
  }

  std::optional<std::vector<int32_t>> reads(const Inputs&,
                                            std::span<const RowTask>) const override {
    return {};
  }

 private:
  const Pooler pooler_;
  const HeadLayers layers_;
};

PoolingPlan pooling_of(const ConfigFile& input) {
  const std::string pooling = input.text("pooling", "");
  if (pooling != "mean" &&
      pooling != "mean over all non-padding positions, [CLS] and [SEP] included")
    input.refuse("pooling is \"" + excerpt(pooling) +
                 "\"; only the mean over all positions is supported");
  const std::string normalize = input.text("normalize", "none");
  if (normalize != "none" && normalize != "L2" && normalize != "L2: x / max(||x||, 1e-12)")
    input.refuse("normalize is \"" + excerpt(normalize) + "\"; L2 and none are supported");
  return {.modes = {kernels::Pooling::mean}, .normalize = normalize != "none"};
}

folder::HeadCard::Scores scores_of_output(const ConfigFile& file, int64_t columns) {
  const std::string output = file.text("output");
  for (const auto& [name, scores] : {std::pair("softmax", folder::HeadCard::Scores::softmax),
                                     std::pair("sigmoid", folder::HeadCard::Scores::sigmoid)})
    if (is_output(output, name, columns)) return scores;
  file.refuse("output is \"" + excerpt(output) + "\"; softmax and sigmoid are supported");
}

/// Layers here have a line for each row, and no line knows another.
void check_layers(const FolderHeadArgs& args) {
  for (const ConfigFile& entry : args.entries)
    if (entry.text("type", "") == "lstm")
      entry.refuse("type \"lstm\" reads the lines of tokens; this head has one line for a text");
}

}  // namespace

NamedHead make_folder_classify(const FolderHeadArgs& args) {
  const std::string source = args.input.text("source", "");
  if (source != "last_hidden_state")
    args.input.refuse("source is \"" + excerpt(source) +
                      "\"; sequence-classification reads last_hidden_state");
  check_layers(args);
  refuse_tag_fields(args.file);
  HeadLayers layers(args.layers, args.entries, args.trunk.shape.hidden);
  NamedHead made{.card = {.task = folder::HeadTask::classify,
                          .labels = folder_labels(args.file, layers.columns()),
                          .scores = scores_of_output(args.file, layers.columns())}};
  made.head = std::make_unique<FolderClassify>(Pooler(args.layers.backend, pooling_of(args.input)),
                                               std::move(layers));
  return made;
}

}  // namespace weir::nn
