#include <algorithm>

#include "nn/heads/checkpoint_head.h"

namespace weir::nn {
namespace {

constexpr CheckpointHead kHeads[] = {
    {"BertForSequenceClassification", "classifier.weight", make_classify_head},
    {"BertForTokenClassification", "classifier.weight", make_tag_head},
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
    if (!whole.has(entry.needed)) {
      model.notes.push_back(std::string("config.json names ") + entry.architecture +
                            ", and the checkpoint has no tensor " + entry.needed +
                            ": only its trunk is served");
      continue;
    }
    model.heads.push_back(
        entry.make({.build = whole, .hidden = model.shape.hidden, .trunk = trunk}));
  }
}

}  // namespace weir::nn
