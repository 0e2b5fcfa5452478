#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "context_length.h"
#include "weir/serve/served_model.h"

namespace weir::serve {

/// The beginning of `text` that has its first `tokens` tokens: the whole text if it has no more.
/// Tokenizes at most about twice that beginning. `name`: the field, for errors. Errors:
/// invalid_argument (no UTF-8; fewer tokens in a megabyte and 64 bytes for each token).
Result<std::string_view> enough_of(const std::string& text, const ModelCard& model, size_t tokens,
                                   const std::string& name);

/// Refuses a text that is certain to have more tokens than the limit, before the work of tokenizing
/// it. A tokenizer that may drop bytes gives no such certainty. With such a tokenizer a text over a
/// megabyte and 64 bytes for each token of the limit is refused.
Result<void> check_bytes(const std::string& text, const ModelCard& model, TokenLimit limit,
                         const std::string& name);

/// The same. Also refuses a long text with at least twice the tokens of the limit, before all of it
/// is tokenized. A text within twice the limit is not refused here but counted later.
Result<void> check_text(const std::string& text, const ModelCard& model, TokenLimit limit,
                        const std::string& name);

}  // namespace weir::serve
