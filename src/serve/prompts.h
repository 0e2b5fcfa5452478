#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/serve/served_model.h"
#include "weir/serve/service.h"

namespace weir::serve {

/// The JSON object that `chat_template` sees. A message of the role "developer" comes as one of
/// "system" where the template's source does not mention developers. Errors: invalid_argument
/// (template_kwargs is no object, or sets what the request itself sets).
Result<std::string> chat_context(const ChatRequest& request,
                                 const text::ChatTemplate& chat_template);

/// A conversation as the model's template renders it. Unless the model trusts them, control tokens
/// in what the client wrote are plain text. Errors: invalid_argument (no template, what the
/// template refuses).
Result<text::Rendered> chat_text(const ServedModel& served, const LoadedModel& model,
                                 const ChatRequest& request);

/// Its tokens. Errors also: invalid_argument (a prompt too long).
Result<std::vector<int32_t>> chat_prompt(const ServedModel& served, const LoadedModel& model,
                                         const ChatRequest& request, bool must_fit);

/// The tokens of one prompt, which leave room for at least one more. `name`: the field, for errors.
Result<std::vector<int32_t>> completion_prompt(const LoadedModel& model, const Prompt& prompt,
                                               bool add_special, const std::string& name);

/// The tokens of one text to embed behind the model's prompt, or ids as they are; cut to the
/// request's or the model's limit where the request says so. A cut text keeps the special tokens
/// around it, as Hugging Face's truncation does.
Result<std::vector<int32_t>> embedding_input(const LoadedModel& model, const Prompt& input,
                                             const EmbeddingRequest& request,
                                             const std::string& name);

/// Errors: invalid_argument that names the first id that the model does not have.
Result<void> check_ids(const std::vector<int32_t>& ids, int32_t vocabulary_rows,
                       const std::string& name);

}  // namespace weir::serve
