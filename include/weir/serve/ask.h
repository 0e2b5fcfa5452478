#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "weir/work/request.h"

/// What a request asks, in plain types: inputs, and one task with its options.
namespace weir::serve {

/// The most bytes of one stop string or bad word, and of all stop strings or all bad words of a
/// request.
inline constexpr size_t kLongestStop = 1024, kMostStopBytes = 16384;
inline constexpr uint32_t kMostLogprobs = 20;  // most likely tokens in one place
inline constexpr uint32_t kMostChoices = 128;  // completions of one input
inline constexpr uint32_t kMostBeams = 16, kMostNgram = 1024;
/// The most prompt logprobs of a request: those of the prompts' own tokens and of the most likely
/// ones.
inline constexpr size_t kMostPromptLogprobs = size_t{4} << 20;
inline constexpr size_t kMostBiases = 1024;
/// Within these bounds a penalty keeps the largest logits of a model inside the range of float.
inline constexpr double kLeastRepetitionPenalty = 0.001, kMostRepetitionPenalty = 1000;

struct Text {
  std::string text;
  std::optional<std::string> pair = {};  // the second text of a pair
  bool add_special = true;               // the tokens that the tokenizer puts around a text
};
/// Tokens that are used as they are.
using Ids = std::vector<int32_t>;
/// A conversation, which the model's chat template renders.
struct Chat {
  std::string messages;              // a JSON array, checked by the codec, as the template sees it
  std::string tools = {};            // a JSON array or empty
  std::string template_kwargs = {};  // a JSON object or empty
  bool add_generation_prompt = true;
};
using Input = std::variant<Text, Ids, Chat>;

/// The values that the client gave. A value that is absent comes from the model's
/// generation_config.json, else from OpenAI's defaults.
struct Sampling {
  uint32_t n = 1;  // completions of each input, which is computed and charged once
  std::optional<float> temperature, top_p, min_p;
  std::optional<uint32_t> top_k;
  std::optional<uint64_t> seed;
  std::optional<uint32_t> max_tokens;
  uint32_t min_tokens = 0;
  bool ignore_eos = false;
  std::vector<std::string> stop;
  std::vector<int32_t> stop_token_ids;
  bool include_stop_str_in_output = false;
  bool skip_special_tokens = true;
  std::optional<float> presence_penalty, frequency_penalty, repetition_penalty;
  std::vector<std::pair<int32_t, float>> logit_bias;  // of an id given twice the last counts
  std::vector<std::string> bad_words;
  std::vector<int32_t> allowed_token_ids;             // empty: all
  std::optional<uint32_t> logprobs, prompt_logprobs;  // how many of the most likely tokens
  /// A beam search in place of draws. It takes of the other fields only the tokens that stop and
  /// the bounds of length.
  std::optional<work::Beams> beams;
};

/// Continues each input. Without max_tokens a conversation gets all that the context leaves, and
/// another input gets 16 tokens. max_tokens 0 is allowed only with `echo`.
///
/// The encoder of an encoder-decoder reads the input, and the decoder makes the completion: without
/// max_tokens all that its length leaves. Such a model takes no Chat, no `echo` and no
/// prompt_logprobs.
struct Generate {
  Sampling sampling = {};
  bool echo = false;  // each input's text stands before its completion
  /// Begins what the decoder of an encoder-decoder continues. Not a Chat; a Text gets no special
  /// tokens. Absent: the decoder has its start token only.
  std::optional<Input> decoder_prompt = {};
};

/// What happens to an input that has more tokens than the model takes. If neither field is set, it
/// is an error.
struct Truncation {
  bool truncate = false;                // cut to the model's limit
  std::optional<uint32_t> tokens = {};  // cut to this many
};

/// A vector for each input.
struct Embed {
  std::optional<uint32_t> dimensions = {};  // cut to this many numbers, then normalised again
  Truncation truncation = {};
};

/// Labels with their scores for each input.
struct Classify {
  std::optional<uint32_t> top_k = {};  // how many of the best labels; absent: all
  bool raw_scores = false;             // the head's own numbers
  Truncation truncation = {};
};

/// How labels of tokens become spans; the names and rules are those of Hugging Face's
/// TokenClassificationPipeline.
enum class Aggregation : uint8_t {
  none,    // each unit whose label is not "O" is a span
  simple,  // adjacent units of one kind are a span
  first,   // a word has the label and score of its first token; then as simple
  max,     // a word has the label and score of its token with the highest score; then as simple
};

/// Labelled spans of each input. An input of more tokens than the model takes is read in windows.
struct Tag {
  Aggregation aggregation = Aggregation::simple;
  bool truncate = false;  // only the first window is read
};

/// Several answers to each input, which the model reads once.
struct Analyze {
  std::optional<Embed> embed = {};
  std::optional<Classify> classify = {};
  std::optional<Tag> tag = {};
  bool truncate = false;  // cuts the input, for all tasks
};

using Options = std::variant<Generate, Embed, Classify, Tag, Analyze>;

struct Ask {
  std::string model;  // empty: the only model that can do the task
  std::vector<Input> inputs;
  Options options;
  bool listed = false;  // errors name input[0] even if it is the only one
};

struct TokenizeRequest {
  std::string model;
  std::variant<Text, Chat> input;
  bool with_pieces = false;
};

}  // namespace weir::serve
