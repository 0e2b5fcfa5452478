// The C face of src/text/rust, made by scripts/check_text_header. Only src/text includes it.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Enough for `DEEPEST` levels.
#define STACK (64 << 20)

// How a call ended. With anything but `Ok` the `error` buffer, where there is one, says why.
typedef enum WeirStatus {
  WEIR_STATUS_OK = 0,
  // The caller's input is wrong.
  WEIR_STATUS_INVALID = 1,
  // The tokenizer has no such token.
  WEIR_STATUS_NOT_FOUND = 2,
  // A fault of this crate, or of one that it uses.
  WEIR_STATUS_INTERNAL = 3,
} WeirStatus;

// The stream of one completion. For one thread at a time; keeps its tokenizer alive.
typedef struct WeirDetokenizer WeirDetokenizer;

// A parsed chat template. Immutable; threads may share it.
typedef struct WeirTemplate WeirTemplate;

// A tokenizer. Immutable; threads may share it.
typedef struct WeirTokenizer WeirTokenizer;

// Bytes owned by the caller, who gives them back with `weir_bytes_free`. Text is UTF-8 and has no zero at its end.
typedef struct WeirBytes {
  uint8_t *data;
  uintptr_t size;
  uintptr_t capacity;
} WeirBytes;

// Token ids owned by the caller, who gives them back with `weir_ids_free`.
typedef struct WeirIds {
  uint32_t *data;
  uintptr_t size;
  uintptr_t capacity;
} WeirIds;

// A token and where it stands.
typedef struct WeirPlace {
  uint32_t id;
  // What the tokenizer's template calls its type.
  uint8_t token_type;
  // 0: of the text; 1: of its pair; -1: a token that the template adds.
  int8_t text;
  // Index of its word within its text; -1: of none.
  int32_t word;
  // Code points of its text.
  uint32_t begin;
  uint32_t end;
} WeirPlace;

// Tokens owned by the caller, who gives them back with `weir_places_free`.
typedef struct WeirPlaces {
  struct WeirPlace *data;
  uintptr_t size;
  uintptr_t capacity;
} WeirPlaces;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// # Safety
// `bytes` came from this crate and was not given back before; a buffer of nulls is fine.
void weir_bytes_free(struct WeirBytes bytes);

// # Safety
// As `weir_bytes_free`.
void weir_ids_free(struct WeirIds ids);

// The stream of what follows `prompt`: the text of both less the prompt's. Of a long prompt only the end is read.
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
// `detokenizer` came from `weir_detokenizer_new` and nobody uses it any more; null is fine.
void weir_detokenizer_free(struct WeirDetokenizer *detokenizer);

// The text that `id` completes; often empty. Ids outside the vocabulary say nothing.
//
// # Safety
// `text` points to a `WeirBytes` that owns nothing.
enum WeirStatus weir_detokenizer_step(struct WeirDetokenizer *detokenizer,
                                      uint32_t id,
                                      struct WeirBytes *text,
                                      struct WeirBytes *error);

// What still waits, at the end. The stream starts anew after it.
//
// # Safety
// As `weir_detokenizer_step`.
enum WeirStatus weir_detokenizer_flush(struct WeirDetokenizer *detokenizer,
                                       struct WeirBytes *text,
                                       struct WeirBytes *error);

// As `weir_tokenizer_encode`, with the places of the tokens, and of a pair of texts where `pair` is not null.
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

// How many bytes of a text are enough for its first `count` tokens, special ones around it not counted: the first `count`
// ids of that beginning are those of the whole text. `size` itself where the text has fewer tokens, or where that is not certain.
//
// # Safety
// `tokenizer` is alive; `text` points to `size` bytes; `enough` is writable.
enum WeirStatus weir_tokenizer_prefix(const struct WeirTokenizer *tokenizer,
                                      const uint8_t *text,
                                      uintptr_t size,
                                      uintptr_t count,
                                      uintptr_t *enough,
                                      struct WeirBytes *error);

// Parses a template. `globals` is a JSON object of names that every rendering sees unless its context has them too.
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
// `chat_template` came from `weir_template_new` and nobody uses it any more; null is fine.
void weir_template_free(struct WeirTemplate *chat_template);

// Renders with `context`, a JSON object. With a tokenizer, `plain` becomes what `weir_tokenizer_encode_plain` takes: it
// keeps texts of special tokens that `context` brought from being taken for the template's own.
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

// Reads a tokenizer.json. Its truncation and padding are cleared. `additions` is empty or a JSON object with the tokens
// that other files add: `added` in their order, then `special` ones, each with its `content` and what else is known.
//
// # Safety
// `json` and `additions` point to as many bytes as said; `tokenizer` is writable; `error` as everywhere: null, or a
// buffer that owns nothing.
enum WeirStatus weir_tokenizer_new(const uint8_t *json,
                                   uintptr_t size,
                                   const uint8_t *additions,
                                   uintptr_t additions_size,
                                   struct WeirTokenizer **tokenizer,
                                   struct WeirBytes *error);

// # Safety
// `tokenizer` came from `weir_tokenizer_new` and nobody uses it any more; null is fine.
void weir_tokenizer_free(struct WeirTokenizer *tokenizer);

// # Safety
// `text` points to `size` bytes; `ids` to a `WeirIds` that owns nothing.
enum WeirStatus weir_tokenizer_encode(const struct WeirTokenizer *tokenizer,
                                      const uint8_t *text,
                                      uintptr_t size,
                                      bool add_special,
                                      struct WeirIds *ids,
                                      struct WeirBytes *error);

// As `weir_tokenizer_encode`, but no special token goes across a character that starts at one of the byte offsets
// `plain`, which rise.
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

// The token's own string; `NotFound` where no token has this id.
//
// # Safety
// `piece` points to a `WeirBytes` that owns nothing.
enum WeirStatus weir_tokenizer_piece(const struct WeirTokenizer *tokenizer,
                                     uint32_t id,
                                     struct WeirBytes *piece);

// The bytes that the token adds to a text, which may be part of a character; `NotFound` where no token has this id.
//
// # Safety
// `bytes` points to a `WeirBytes` that owns nothing.
enum WeirStatus weir_tokenizer_token_bytes(const struct WeirTokenizer *tokenizer,
                                           uint32_t id,
                                           struct WeirBytes *bytes);

// The id of a token's own string; `NotFound` where no token is spelt so.
//
// # Safety
// `piece` points to `size` bytes; `id` is writable.
enum WeirStatus weir_tokenizer_id(const struct WeirTokenizer *tokenizer,
                                  const uint8_t *piece,
                                  uintptr_t size,
                                  uint32_t *id);

// Whether an added token takes the white space beside it with it.
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
