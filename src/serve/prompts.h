#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"

namespace weir::serve {

struct ReadyModel;

/// The JSON object that `chat_template` sees. A message of the role "developer" comes as one of
/// "system" where the template's source does not mention developers. Errors: invalid_argument
/// (template_kwargs is no object, or sets what the request itself sets).
Result<std::string> chat_context(const Chat& chat, const text::ChatTemplate& chat_template);

/// A conversation as the model's template renders it. Unless the model trusts them, control tokens
/// in what the client wrote are plain text. Errors: invalid_argument (no template, what the
/// template refuses).
Result<text::Rendered> chat_text(const ServedModel& served, const LoadedModel& model,
                                 const Chat& chat);

/// Its tokens. Errors also: invalid_argument (a prompt too long).
Result<std::vector<int32_t>> chat_prompt(const ServedModel& served, const LoadedModel& model,
                                         const Chat& chat, bool must_fit);

/// The tokens of one text or list of ids, which leave room for at least one more. `name`: the
/// field, for errors.
Result<std::vector<int32_t>> completion_prompt(const LoadedModel& model, const Input& input,
                                               const std::string& name);

/// Tokens, and of which of two texts each is; no types: all of the first.
struct Typed {
  std::vector<int32_t> ids;
  std::vector<uint8_t> types = {};
};

/// An input of a task that reads.
struct InputToRead {
  const Input& input;  // not a Chat
  const Truncation& truncation;
  std::string name;         // the field, for errors
  std::string prefix = {};  // stands before a text
};
/// The tokens of one text or pair, or ids as they are; cut to the request's or the model's limit
/// where the request says so. A cut text keeps the special tokens around it, as Hugging Face's
/// truncation does; of a pair the longer text is cut, token by token.
Result<Typed> tokens_to_read(const LoadedModel& model, const InputToRead& asked);

/// Errors: invalid_argument that names the first id that the model does not have.
Result<void> check_ids(const std::vector<int32_t>& ids, int32_t vocabulary_rows,
                       const std::string& name);

/// The same for what the template and the tokenizer made: a tokenizer may have more ids than the
/// model.
Result<void> check_tokens(const std::vector<int32_t>& tokens, const LoadedModel& model,
                          const std::string& name);

/// What a task is given, as it is tokenized: rendered, as it was given, or what its ids say.
Result<std::string> text_of(const ReadyModel& model, const Input& input);

}  // namespace weir::serve
