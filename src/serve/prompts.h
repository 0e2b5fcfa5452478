#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"

namespace weir::serve {

struct ReadyModel;

/// The JSON object that `chat_template` sees. A message of the role "developer" becomes one of
/// "system" if the template's source does not mention developers. Errors: invalid_argument
/// (template_kwargs is no object, or sets a field that the request sets).
Result<std::string> chat_context(const Chat& chat, const text::ChatTemplate& chat_template);

/// A conversation as the model's template renders it. Control tokens in the client's text are plain
/// text, unless the model trusts them. Errors: invalid_argument (an encoder-decoder; no template;
/// the template refuses).
Result<text::Rendered> chat_text(const ServedModel& served, const ModelCard& model,
                                 const Chat& chat);

/// Its tokens. Errors also: invalid_argument (a prompt too long).
Result<std::vector<int32_t>> chat_prompt(const ServedModel& served, const ModelCard& model,
                                         const Chat& chat, bool must_fit);

/// The tokens of one text or list of ids. They leave room for at least one more token, but those
/// for an encoder may be as many as it takes. `name`: the field, for errors.
Result<std::vector<int32_t>> completion_prompt(const ModelCard& model, const Input& input,
                                               const std::string& name);

/// The tokens with which the decoder of an encoder-decoder begins: its start token, then those of
/// `asked`. Ids that have the start token already get no second one. They leave room for at least
/// one more token. REQUIRES: `model` has an encoder; `asked` is no Chat.
Result<std::vector<int32_t>> decoder_prompt(const ModelCard& model,
                                            const std::optional<Input>& asked);

/// Tokens, and the token type of each. No types: all are 0.
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
/// The tokens of one text or pair, or the given ids. If the request asks for it, they are cut to
/// the request's or the model's limit. A cut text keeps the special tokens around it, as Hugging
/// Face's truncation does. Of a pair the longer text is cut, token by token.
Result<Typed> tokens_to_read(const ModelCard& model, const InputToRead& asked);

/// Errors: invalid_argument that names the first id that the model does not have.
Result<void> check_ids(const std::vector<int32_t>& ids, int32_t vocabulary_rows,
                       const std::string& name);

/// The same for tokens that the template and the tokenizer made. A tokenizer may have more ids than
/// the model.
Result<void> check_tokens(const std::vector<int32_t>& tokens, const ModelCard& model,
                          const std::string& name);

/// The text of an input as it is tokenized: the rendered conversation, the given text or pair, or
/// the text of the ids.
Result<Text> text_of(const ReadyModel& model, const Input& input);

/// The text of ids, special tokens included. Ids past the tokenizer's have none.
Result<std::string> known_text(const text::Tokenizer& tokenizer, Ids ids);

}  // namespace weir::serve
