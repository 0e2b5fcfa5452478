#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/later.h"
#include "weir/base/progress.h"
#include "weir/base/result.h"
#include "weir/folder/head_card.h"
#include "weir/serve/tasks.h"
#include "weir/text/chat_template.h"
#include "weir/text/tokenizer.h"
#include "weir/work/work_queue.h"

namespace weir::serve {

/// What is known of a model before it is loaded: its names, and the queue of its requests.
struct ServedModel {
  std::string name;
  std::vector<std::string> aliases;
  /// Unset: not known, since the model's folder could not be read. Such a model can only be marked
  /// failed.
  std::optional<Tasks> tasks = Tasks{HeadTask::generate};
  bool encoder_decoder = false;  // it takes no conversation
  int64_t created = 0;           // seconds since 1970
  std::shared_ptr<work::WorkQueue> queue;
  std::shared_ptr<Progress> progress;  // of its loading; the loader writes it
};

/// Defaults of sampling, from generation_config.json. Where a value is absent: temperature 1, top_p
/// 1, no penalty.
struct GenerationDefaults {
  std::optional<float> temperature, top_p, min_p, repetition_penalty;
  std::optional<uint32_t> top_k;
  std::optional<uint32_t> max_new_tokens;  // of a completion
};

/// The default prompt of sentence-transformers, which stands before each text.
struct EmbeddingPrompt {
  std::string text;
  uint32_t left_out = 0;  // tokens at the beginning (special ones too) that are not pooled
};

/// What a model's folder says about text.
struct TextSide {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  std::shared_ptr<const text::ChatTemplate> chat_template;  // null: it has none that can be used
  std::string chat_refusal;  // why its template cannot be used; empty: it has none
  GenerationDefaults defaults;
  std::vector<int32_t> eos_ids;
  std::optional<uint32_t> max_input_tokens;  // of an embedding's input, where the folder limits it
  uint32_t vector_size = 0;                  // of its embeddings; 0: the folder does not say
  EmbeddingPrompt prompt;                    // of its embeddings
  std::vector<std::string> notes;            // lines for the log about the folder's files
  /// The most bytes of text that one token can stand for. Set only for tokenizers that lose no byte
  /// of a text. A text of more bytes than this times the context cannot fit, and need not be
  /// tokenized.
  std::optional<uint32_t> longest_piece_bytes;
};

/// Reads the text side of a Hugging Face folder: tokenizer, chat template, generation_config.json
/// (do_sample is ignored, as vLLM does), ids that end a text (all that generation_config.json,
/// config.json and tokenizer_config.json name), and for embeddings the limits of
/// sentence_bert_config.json, tokenizer_config.json and config.json and the default prompt of
/// config_sentence_transformers.json. A chat template or a sampling value that cannot be used is no
/// error, but a line of `notes`. Errors name the file.
Result<TextSide> load_text_side(const std::string& directory, Tasks tasks);

/// Compares the text side with an embedding table of `rows` rows. Drops eos_ids that have no row,
/// since a head never draws them. Returns a warning for each disagreement, with both counts.
std::vector<std::string> fit_vocabulary(TextSide& text, int32_t rows);

/// The most tokens of one sequence: the smaller of max_model_len and the folder's limit of inputs.
uint32_t longest_input(const TextSide& text, uint32_t max_model_len);

/// What is known of the two sides of an encoder-decoder.
struct Encoder {
  uint32_t max_tokens = 0;    // that the encoder takes
  int32_t decoder_start = 0;  // the decoder's first token, in every request
};

/// Reads the rest of an encoder-decoder's folder. The encoder takes `max_source` tokens, or fewer
/// if model_max_length of tokenizer_config.json is less. The decoder's first token is
/// decoder_start_token_id of generation_config.json or of config.json, else pad_token_id of one of
/// them. Errors: invalid_argument, if they name none, or one that is not below `vocabulary_rows`.
Result<Encoder> load_encoder(const std::string& directory, uint32_t max_source,
                             int32_t vocabulary_rows);

/// What is known of a model once it is loaded.
struct ModelCard {
  TextSide text;
  /// Tokens of prompt and completion together. Of an encoder-decoder: those of the decoder.
  uint32_t max_model_len = 0;
  std::optional<Encoder> encoder = {};  // set: the model is an encoder-decoder
  /// Whether tokens of a pair have types; false: the model has no types beside 0.
  bool reads_types = true;
  int32_t vocabulary_rows = 0;  // ids below it have an embedding; may be more than the tokenizer's
  std::string architecture, dtype;
  /// "fp_" and 12 hex digits of the SHA-256 of its weights, once that is known. Null: never.
  std::shared_ptr<const Later<std::string>> fingerprint = nullptr;
  std::vector<folder::HeadCard> heads;  // in the order of the model's
  bool trust_control_tokens = false;    // in messages; false: their texts are plain text
  bool accept_embedding_ids = true;     // ids of another tokenizer would give meaningless vectors

  /// Empty while it is not known.
  std::string known_fingerprint() const {
    const std::string* known = fingerprint ? fingerprint->get() : nullptr;
    return known ? *known : std::string();
  }
};

}  // namespace weir::serve
