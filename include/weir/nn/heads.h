#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/nn/model.h"

namespace weir::nn {

/// Logits of each row's last token, and of those before it that its drafts ask for; a draw each.
/// `projection`: (vocabulary, hidden).
NamedHead make_lm_head(Backend& backend, std::unique_ptr<Linear> projection);

/// How an encoder's hidden states become vectors.
struct PoolingPlan {
  std::vector<kernels::Pooling> modes;  // at least one; their vectors stand side by side
  bool normalize = false;               // the whole of them
  std::optional<int64_t> numbers = {};  // so many of each vector are kept
  std::vector<std::string> notes = {};  // for the log
};

/// One vector a row.
NamedHead make_pool_head(Backend& backend, PoolingPlan plan);

/// Adds the heads that a checkpoint holds beside its trunk, as "architectures" of config.json names
/// them, a file and a line in a table each. `trunk`: what the names of its tensors begin with. One
/// whose tensors are not there is told in the model's notes. Throws LoadError.
void add_checkpoint_heads(Model& model, const BuildArgs& args, const std::string& trunk);

/// What modules.json of a sentence-transformers folder and its modules say; mean and normalised
/// where there is no modules.json. Throws LoadError where a module cannot be done.
PoolingPlan sentence_pooling(const std::string& directory);

}  // namespace weir::nn
