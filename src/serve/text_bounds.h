#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "weir/serve/served_model.h"

namespace weir::serve {

/// The beginning of `text` that is enough for its first `tokens` tokens: the whole text where it
/// has no more. No more of it is tokenized than about twice that. `name`: the field, for errors.
/// Errors: invalid_argument (no UTF-8; a megabyte of text, and 64 bytes for each token, that hold
/// fewer tokens).
Result<std::string_view> enough_of(const std::string& text, const LoadedModel& model, size_t tokens,
                                   const std::string& name);

/// Refuses a text that is certain to have more tokens than the model takes, before the work of
/// tokenizing it; where a tokenizer may drop bytes, one of over a megabyte and 64 bytes for each
/// token that the model takes.
Result<void> check_bytes(const std::string& text, const LoadedModel& model,
                         const std::string& name);

/// The same, and refuses a long text that is found to have at least twice the tokens that the model
/// takes, before all of it is tokenized. A text within twice the limit is left to be counted.
Result<void> check_text(const std::string& text, const LoadedModel& model, const std::string& name);

}  // namespace weir::serve
