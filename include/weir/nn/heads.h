#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/nn/model.h"

namespace weir::nn {

/// Logits of each row's last token, and of those before it that its drafts ask for; a draw each.
/// `table`: (vocabulary, hidden), the embedding's, of a head that is tied to it; else the head is
/// the checkpoint's `lm_head`, with its bias where it has one. The logits are `scale` times its
/// products.
NamedHead make_lm_head(const Builder& model, const Shape& shape, const at::Tensor& table,
                       float scale = 1);

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
void add_checkpoint_heads(Model& model, const Builder& whole, const std::string& trunk);

/// What modules.json of a sentence-transformers folder and its modules say; mean and normalised
/// where there is no modules.json. Throws LoadError where a module cannot be done.
PoolingPlan sentence_pooling(const std::string& directory);

}  // namespace weir::nn
