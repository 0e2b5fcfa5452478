#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/text/encoding.h"
#include "weir/text/rendered.h"

namespace weir::text {

/// A model's tokenizer: tokenizer.json, and the tokens that tokenizer_config.json,
/// special_tokens_map.json and added_tokens.json add, as transformers merges them. Truncation and
/// padding of the file are switched off. Immutable, shared by threads.
class Tokenizer {
 public:
  /// Errors: invalid_argument, if the files are not a tokenizer's, if one of its steps could make
  /// too much of a text, or if it can encode none of the texts that it is tried with.
  static Result<std::shared_ptr<const Tokenizer>> load(const std::string& directory);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;

  /// Errors: invalid_argument, if `text` is not UTF-8, or the tokenizer has no tokens for it.
  Result<std::vector<int32_t>> encode(std::string_view text, bool add_special) const;
  /// Only the template's own texts become control tokens.
  Result<std::vector<int32_t>> encode(const Rendered& rendered, bool add_special) const;
  /// The tokens of `text`, or of `text` and `pair` joined by the tokenizer, with their places. The
  /// ids of one text are those of encode(text, add_special). Errors also: invalid_argument, if the
  /// tokenizer cannot join two texts.
  Result<Encoding> encode_places(std::string_view text, std::optional<std::string_view> pair,
                                 bool add_special) const;
  /// How many bytes n of `text` are enough for its first `count` tokens: the first `count` ids of
  /// encode(text.substr(0, n), false) are those of the whole text. Tokenizes at most about 2n
  /// bytes. Returns all bytes if `text` has no more tokens, or if only the whole text decides.
  /// Errors: invalid_argument, if `text` is not UTF-8.
  Result<size_t> prefix(std::string_view text, size_t count) const;
  /// Errors: invalid_argument, if an id is outside the vocabulary.
  Result<std::string> decode(const std::vector<int32_t>& ids, bool skip_special) const;
  /// The token's own string in the vocabulary, or none.
  std::optional<std::string> piece(int32_t id) const;
  std::optional<int32_t> id(std::string_view piece) const;
  /// The bytes that the token adds within a text: with the space before its word, and perhaps with
  /// only a part of a character. Empty: no token has this id.
  std::string token_bytes(int32_t id) const;
  /// Whether an added token takes in the white space beside it.
  bool takes_space() const;
  /// One past the highest id, added tokens included. A model's logits may have more rows.
  int32_t vocabulary_size() const;
  /// Bytes of the longest token's own string, added tokens included.
  size_t longest_piece() const;

 private:
  friend class ChatTemplate;
  friend class Detokenizer;
  class Handle;
  explicit Tokenizer(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

/// Turns one completion's tokens into text as they come. It never splits a UTF-8 character, and
/// never loses the last one. The text is that of prompt and completion minus that of the prompt. So
/// the space before the first word is there, also with decoders that drop it at the start of a
/// text. One per choice; keeps the vocabulary alive.
class Detokenizer {
 public:
  /// Reads only the end of `prompt`, and only during this call. Ids outside the vocabulary are
  /// skipped.
  Detokenizer(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special,
              std::span<const int32_t> prompt = {});
  ~Detokenizer();
  Detokenizer(Detokenizer&&) noexcept;
  Detokenizer& operator=(Detokenizer&&) noexcept;

  /// The text that `id` completes; often empty.
  std::string step(int32_t id);
  /// What is still held back at the end. Bytes that are no character become U+FFFD.
  std::string flush();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::text
