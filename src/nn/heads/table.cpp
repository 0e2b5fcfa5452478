#include <algorithm>

#include "nn/heads/checkpoint_head.h"

namespace weir::nn {
namespace {

constexpr DenseLayer kPooler{
    .name = "pooler.dense", .of_trunk = true, .activation = Activation::tanh},
    kDense{.name = "classifier.dense", .activation = Activation::tanh},
    kPreClassifier{.name = "pre_classifier", .activation = Activation::relu};

constexpr CheckpointHead kHeads[] = {
    {"BertForSequenceClassification", make_classify_head, "classifier", kPooler},
    {"BertForTokenClassification", make_tag_head, "classifier"},
    {"DistilBertForSequenceClassification", make_classify_head, "classifier", kPreClassifier},
    {"DistilBertForTokenClassification", make_tag_head, "classifier"},
    {"MPNetForSequenceClassification", make_classify_head, "classifier.out_proj", kDense},
    {"MPNetForTokenClassification", make_tag_head, "classifier"},
    {"RobertaForSequenceClassification", make_classify_head, "classifier.out_proj", kDense},
    {"RobertaForTokenClassification", make_tag_head, "classifier"},
    {"XLMRobertaForSequenceClassification", make_classify_head, "classifier.out_proj", kDense},
    {"XLMRobertaForTokenClassification", make_tag_head, "classifier"},
};

}  // namespace

void add_checkpoint_heads(Model& model, const Builder& whole, const std::string& trunk) {
  const auto names = whole.config().texts("architectures");
  const CheckpointHead* found = nullptr;
  for (const CheckpointHead& entry : kHeads) {
    if (std::ranges::find(names, entry.architecture) == names.end()) continue;
    // Their tensors have the same names, so the checkpoint has only one of them.
    if (found)
      whole.config().refuse(std::string("architectures names ") + found->architecture + " and " +
                            entry.architecture + "; a checkpoint has one head beside its trunk");
    found = &entry;
    const std::string needed = std::string(entry.labels) + ".weight";
    if (!whole.has(needed)) {
      model.notes.push_back(std::string("config.json names ") + entry.architecture +
                            ", and the checkpoint has no tensor " + needed +
                            ": only its trunk is served");
      continue;
    }
    model.heads.push_back(
        entry.make({.build = whole, .hidden = model.shape.hidden, .trunk = trunk, .head = entry}));
  }
}

}  // namespace weir::nn
