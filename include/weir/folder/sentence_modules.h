#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/result.h"

namespace weir::folder {

/// How the hidden states of a text's tokens become one vector, in sentence-transformers' words.
enum class PoolingMode : uint8_t { cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken };

/// What a sentence-transformers folder says of its vectors.
struct SentenceModules {
  std::vector<PoolingMode> pooling;  // the vectors stand side by side; empty: it does not say
  bool include_prompt = true;        // tokens of the default prompt are pooled too
  bool normalize = false;
  std::optional<uint32_t> truncate_dim;  // so many numbers of each vector are kept
  std::vector<std::string> notes;        // for the log
};

/// The folder of config.json and of the model's other files: that of the module Transformer where
/// modules.json names one and a config.json lies there ("0_Transformer"), else `directory`.
std::string transformer_folder(const std::string& directory);

/// Reads modules.json, the config.json of each module and truncate_dim of
/// config_sentence_transformers.json, as sentence-transformers does: modules
/// work one after another, so the last Pooling counts and a Normalize before it does not. None: the
/// folder has no modules.json. Errors: what cannot be done, by module, file and field.
Result<std::optional<SentenceModules>> read_sentence_modules(const std::string& directory);

}  // namespace weir::folder
