#pragma once

#include <memory>
#include <string>

#include "weir/nn/model.h"

namespace weir::nn {

/// Logits of each row's last token, and of those before it that its drafts ask for; a draw each.
/// `projection`: (vocabulary, hidden).
std::unique_ptr<Head> make_lm_head(Backend& backend, std::unique_ptr<Linear> projection);

/// One vector a row.
std::unique_ptr<Head> make_pool_head(Backend& backend, kernels::Pooling pooling, bool normalize);

/// Pooling as modules.json and 1_Pooling/config.json of a sentence-transformers folder say;
/// `otherwise` and normalised where there is no modules.json.
std::unique_ptr<Head> make_sentence_head(Backend& backend, const std::string& directory,
                                         kernels::Pooling otherwise);

}  // namespace weir::nn
