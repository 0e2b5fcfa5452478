#pragma once

#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::text {

/// The texts of the files beside tokenizer.json that name tokens. Empty: there is no such file.
struct TokenFiles {
  std::string_view tokenizer_config, special_tokens_map, added_tokens;
};

/// The tokens that these files add, as the crate reads them: {"added": [...], "special": [...]}, in
/// the order in which transformers adds them (tokenization_utils_base.py, from_pretrained). If
/// tokenizer_config.json has an added_tokens_decoder, the other files do not count. Ids are not
/// kept: as in transformers, they follow those of tokenizer.json.
Result<std::string> added_tokens_of(const TokenFiles& files);

}  // namespace weir::text
