#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/progress.h"
#include "weir/base/result.h"
#include "weir/folder/head_card.h"
#include "weir/serve/tasks.h"
#include "weir/text/chat_template.h"
#include "weir/text/tokenizer.h"
#include "weir/work/work_queue.h"

namespace weir::serve {

/// A model as it is known before it is loaded: its names, and where its requests go.
struct ServedModel {
  std::string name;
  std::vector<std::string> aliases;
  /// Unset: not known, of a model whose folder could not be read. It can only be marked failed.
  std::optional<Tasks> tasks = Tasks{HeadTask::generate};
  int64_t created = 0;  // seconds since 1970
  std::shared_ptr<work::WorkQueue> queue;
  std::shared_ptr<Progress> progress;  // of its loading; written by who loads
};

/// Sampling of requests that say nothing, from generation_config.json. What is absent there:
/// temperature 1, top_p 1, no penalty.
struct GenerationDefaults {
  std::optional<float> temperature, top_p, min_p, repetition_penalty;
  std::optional<uint32_t> top_k;
  std::optional<uint32_t> max_new_tokens;  // of a completion
};

/// What sentence-transformers puts before each text that has no prompt of its own.
struct EmbeddingPrompt {
  std::string text;
  uint32_t left_out = 0;  // tokens of it, and of what begins a text, that are not pooled
};

/// What a model's folder says of text.
struct TextSide {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  std::shared_ptr<const text::ChatTemplate> chat_template;  // null: it has none that can be used
  std::string chat_refusal;  // why the one that it has cannot be used; empty: it has none
  GenerationDefaults defaults;
  std::vector<int32_t> eos_ids;
  std::optional<uint32_t> max_input_tokens;  // of an embedding's input, where the folder limits it
  uint32_t vector_size = 0;                  // of its embeddings; 0: the folder does not say
  EmbeddingPrompt prompt;                    // of its embeddings
  std::vector<std::string> notes;            // what the log is to say of the folder's files
  /// Only for tokenizers that lose no byte of a text: the most bytes that one token can stand for.
  /// A longer text than this times the context cannot fit, which is known without tokenizing it.
  std::optional<uint32_t> longest_piece_bytes;
};

/// Reads the text side of a Hugging Face folder: tokenizer, chat template, generation_config.json
/// (do_sample is ignored, as vLLM does), ids that end a text (all that generation_config.json,
/// config.json and tokenizer_config.json name), and for embeddings the limits of
/// sentence_bert_config.json, tokenizer_config.json and config.json and the default prompt of
/// config_sentence_transformers.json. A chat template or a sampling value that cannot be used stops
/// nothing: `notes` says so. Errors name the file.
Result<TextSide> load_text_side(const std::string& directory, Tasks tasks);

/// Holds the text side against an embedding table of `rows`: ends that have no row are dropped,
/// since a head never draws them. Gives a warning for each disagreement, with both counts.
std::vector<std::string> fit_vocabulary(TextSide& text, int32_t rows);

/// The most tokens of one sequence, given what the model takes and what its folder says of texts.
uint32_t longest_input(const TextSide& text, uint32_t max_model_len);

/// A model as it is known once it is loaded.
struct LoadedModel {
  TextSide text;
  uint32_t max_model_len = 0;   // tokens of prompt and completion together
  int32_t vocabulary_rows = 0;  // ids below it have an embedding; may be more than the tokenizer's
  std::string architecture, dtype, fingerprint;
  std::vector<folder::HeadCard> heads;  // in the order of the model's
  bool trust_control_tokens = false;  // in messages; else their texts there are plain text
  bool accept_embedding_ids = true;   // ids of another tokenizer would give vectors of noise
};

}  // namespace weir::serve
