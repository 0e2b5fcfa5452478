// The C face of src/text/rust, made by scripts/check_text_header. Only src/text includes it.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Enough for `DEEPEST` levels.
#define STACK (64 << 20)

// How a call ended. Unless it is `Ok`, the `error` buffer says why, if the call has one.
typedef enum WeirStatus {
  WEIR_STATUS_OK = 0,
  // The caller's input is wrong.
  WEIR_STATUS_INVALID = 1,
  // The tokenizer has no such token.
  WEIR_STATUS_NOT_FOUND = 2,
  // A fault of this crate, or of one that it uses.
  WEIR_STATUS_INTERNAL = 3,
} WeirStatus;

// The text of one completion as it comes. Used by one thread at a time; keeps its tokenizer alive.
typedef struct WeirDetokenizer WeirDetokenizer;

// A parsed chat template. Immutable; threads may share it.
typedef struct WeirTemplate WeirTemplate;

// A tokenizer. Immutable; threads may share it.
typedef struct WeirTokenizer WeirTokenizer;

// Bytes that the caller owns, and gives back with `weir_bytes_free`. Text is UTF-8 and has no zero byte at its end.
typedef struct WeirBytes {
  uint8_t *data;
  uintptr_t size;
  uintptr_t capacity;
} WeirBytes;

// Token ids that the caller owns, and gives back with `weir_ids_free`.
typedef struct WeirIds {
  uint32_t *data;
  uintptr_t size;
  uintptr_t capacity;
} WeirIds;

// A token and its place in the text.
typedef struct WeirPlace {
  uint32_t id;
  // The token's type, from the tokenizer's template.
  uint8_t token_type;
  // 0: of the text; 1: of its pair; -1: a token that the template adds.
  int8_t text;
  // Index of the token's word within its text; -1: it has none.
  int32_t word;
  // Code points of its text, `end` exclusive.
  uint32_t begin;
  uint32_t end;
} WeirPlace;

// Tokens that the caller owns, and gives back with `weir_places_free`.
typedef struct WeirPlaces {
  struct WeirPlace *data;
  uintptr_t size;
  uintptr_t capacity;
} WeirPlaces;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// # Safety
// `bytes` came from this crate and was not given back before; a buffer of nulls is allowed.
void weir_bytes_free(struct WeirBytes bytes);

// # Safety
// As `weir_bytes_free`.
void weir_ids_free(struct WeirIds ids);

// Makes the stream of the text after `prompt`: the text of prompt and completion without that of the prompt. Only the
// end of a long prompt is read.
//
// # Safety
// `tokenizer` is alive; `prompt` points to `prompt_size` ids; `detokenizer` is writable.
enum WeirStatus weir_detokenizer_new(const struct WeirTokenizer *tokenizer,
                                     bool skip_special,
                                     const uint32_t *prompt,
                                     uintptr_t prompt_size,
                                     struct WeirDetokenizer **detokenizer,
                                     struct WeirBytes *error);

// # Safety
// `detokenizer` came from `weir_detokenizer_new` and is not used any more; null is allowed.
void weir_detokenizer_free(struct WeirDetokenizer *detokenizer);

// The text that `id` completes; often empty. Ids outside the vocabulary add no text.
//
// # Safety
// `text` points to a `WeirBytes` that owns nothing.
enum WeirStatus weir_detokenizer_step(struct WeirDetokenizer *detokenizer,
                                      uint32_t id,
                                      struct WeirBytes *text,
                                      struct WeirBytes *error);

// The text that is still held back at the end. After this call the stream starts anew.
//
// # Safety
// As `weir_detokenizer_step`.
enum WeirStatus weir_detokenizer_flush(struct WeirDetokenizer *detokenizer,
                                       struct WeirBytes *text,
                                       struct WeirBytes *error);

// As `weir_tokenizer_encode`, with the places of the tokens. If `pair` is not null, `text` and `pair` are encoded as
// a pair.
//
// # Safety
// `text` points to `size` bytes; `pair` is null or points to `pair_size` bytes; `places` to a `WeirPlaces` that owns nothing.
enum WeirStatus weir_tokenizer_encode_places(const struct WeirTokenizer *tokenizer,
                                             const uint8_t *text,
                                             uintptr_t size,
                                             const uint8_t *pair,
                                             uintptr_t pair_size,
                                             bool add_special,
                                             struct WeirPlaces *places,
                                             struct WeirBytes *error);

// # Safety
// As `weir_bytes_free`.
void weir_places_free(struct WeirPlaces places);

// How many bytes of a text are enough for its first `count` tokens, without the special tokens around the text: the
// first `count` ids of these bytes are those of the whole text. It is `size` if the text has fewer tokens, or if
// fewer bytes are not certain to be enough.
//
// # Safety
// `tokenizer` is alive; `text` points to `size` bytes; `enough` is writable.
enum WeirStatus weir_tokenizer_prefix(const struct WeirTokenizer *tokenizer,
                                      const uint8_t *text,
                                      uintptr_t size,
                                      uintptr_t count,
                                      uintptr_t *enough,
                                      struct WeirBytes *error);

// Parses a template. `globals` is a JSON object. Each rendering sees its names, unless the context has the same
// names.
//
// # Safety
// `source` and `globals` point to as many bytes as said; `created` is writable; `error` is null or owns nothing.
enum WeirStatus weir_template_new(const uint8_t *source,
                                  uintptr_t source_size,
                                  const uint8_t *globals,
                                  uintptr_t globals_size,
                                  struct WeirTemplate **created,
                                  struct WeirBytes *error);

// # Safety
// `chat_template` came from `weir_template_new` and is not used any more; null is allowed.
void weir_template_free(struct WeirTemplate *chat_template);

// Renders with `context`, a JSON object. With a tokenizer, `plain` gets the offsets that
// `weir_tokenizer_encode_plain` takes. They mark the texts of special tokens that came from `context`: these stay
// plain text.
//
// # Safety
// `context` points to `size` bytes; `tokenizer` is alive or null; `rendered` and `plain` own nothing.
enum WeirStatus weir_template_render(const struct WeirTemplate *chat_template,
                                     const struct WeirTokenizer *tokenizer,
                                     const uint8_t *context,
                                     uintptr_t size,
                                     struct WeirBytes *rendered,
                                     struct WeirIds *plain,
                                     struct WeirBytes *error);

// Reads a tokenizer.json, and switches its truncation and padding off. `additions` is empty, or a JSON object with
// the tokens that other files add: the list `added` in its order, then the list `special`. Each token has its
// `content` and what else is known of it.
//
// # Safety
// `json` and `additions` point to as many bytes as said; `tokenizer` is writable; `error`, as in all calls, is null
// or owns nothing.
enum WeirStatus weir_tokenizer_new(const uint8_t *json,
                                   uintptr_t size,
                                   const uint8_t *additions,
                                   uintptr_t additions_size,
                                   struct WeirTokenizer **tokenizer,
                                   struct WeirBytes *error);

// # Safety
// `tokenizer` came from `weir_tokenizer_new` and is not used any more; null is allowed.
void weir_tokenizer_free(struct WeirTokenizer *tokenizer);

// # Safety
// `text` points to `size` bytes; `ids` to a `WeirIds` that owns nothing.
enum WeirStatus weir_tokenizer_encode(const struct WeirTokenizer *tokenizer,
                                      const uint8_t *text,
                                      uintptr_t size,
                                      bool add_special,
                                      struct WeirIds *ids,
                                      struct WeirBytes *error);

// As `weir_tokenizer_encode`, but no special token covers a character that starts at one of the byte offsets `plain`
// (ascending).
//
// # Safety
// `text` points to `size` bytes and `plain` to `plain_count` offsets; `ids` to a `WeirIds` that owns nothing.
enum WeirStatus weir_tokenizer_encode_plain(const struct WeirTokenizer *tokenizer,
                                            const uint8_t *text,
                                            uintptr_t size,
                                            const uint32_t *plain,
                                            uintptr_t plain_count,
                                            bool add_special,
                                            struct WeirIds *ids,
                                            struct WeirBytes *error);

// # Safety
// `ids` points to `count` ids; `text` to a `WeirBytes` that owns nothing.
enum WeirStatus weir_tokenizer_decode(const struct WeirTokenizer *tokenizer,
                                      const uint32_t *ids,
                                      uintptr_t count,
                                      bool skip_special,
                                      struct WeirBytes *text,
                                      struct WeirBytes *error);

// The token's own string; `NotFound` if no token has this id.
//
// # Safety
// `piece` points to a `WeirBytes` that owns nothing.
enum WeirStatus weir_tokenizer_piece(const struct WeirTokenizer *tokenizer,
                                     uint32_t id,
                                     struct WeirBytes *piece);

// The bytes that the token adds to a text, perhaps part of a character; `NotFound` if no token has this id.
//
// # Safety
// `bytes` points to a `WeirBytes` that owns nothing.
enum WeirStatus weir_tokenizer_token_bytes(const struct WeirTokenizer *tokenizer,
                                           uint32_t id,
                                           struct WeirBytes *bytes);

// The id of the token with this string; `NotFound` if there is none.
//
// # Safety
// `piece` points to `size` bytes; `id` is writable.
enum WeirStatus weir_tokenizer_id(const struct WeirTokenizer *tokenizer,
                                  const uint8_t *piece,
                                  uintptr_t size,
                                  uint32_t *id);

// Whether an added token takes in the white space beside it.
//
// # Safety
// `tokenizer` is alive.
bool weir_tokenizer_takes_space(const struct WeirTokenizer *tokenizer);

// One past the highest id, added tokens included.
//
// # Safety
// `tokenizer` is alive.
uint32_t weir_tokenizer_vocabulary_size(const struct WeirTokenizer *tokenizer);

// Bytes of the longest token's own string, added tokens included.
//
// # Safety
// `tokenizer` is alive.
uintptr_t weir_tokenizer_longest_piece(const struct WeirTokenizer *tokenizer);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus
