#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "weir/work/output.h"

/// The answers to requests, in plain types.
namespace weir::serve {

struct Usage {
  uint32_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  double queue_ms = 0, prefill_ms = 0, decode_ms = 0;
};

using Vector = std::vector<float>;

struct ScoredLabel {
  std::string name;
  double score = 0;
};
using ScoredLabels = std::vector<ScoredLabel>;  // highest score first

/// A part of an input that a tagger gives a label.
struct Span {
  std::string label;
  uint32_t begin = 0, end = 0;  // code points of the input's text
  std::string text;
  double score = 0;

  bool operator==(const Span&) const = default;
};
using Spans = std::vector<Span>;  // in the order of the text

/// The answers of several tasks to one input. A task that was not asked has no value.
struct Analysis {
  std::optional<Vector> vector;
  std::optional<ScoredLabels> labels;
  std::optional<Spans> spans;
};

using Answer = std::variant<Vector, ScoredLabels, Spans, Analysis>;
using Answers = std::vector<Answer>;  // one for each input

using work::FinishReason;

struct End {
  FinishReason reason = FinishReason::stop;
  std::variant<std::monostate, std::string, int32_t> stop;  // the string or the token that stopped
};

/// A token with its logprob, and the most likely tokens in its place. `bytes`: what the token adds
/// to a text; it may be a part of a character.
struct TokenLogprob {
  struct Top {
    int32_t id = 0;
    float logprob = 0;
    std::string bytes;
  };
  int32_t id = 0;
  std::string bytes;
  std::optional<float> logprob;  // unset: the first token of a prompt
  int32_t rank = 0;              // how many tokens are at least as likely
  std::vector<Top> top;          // most likely first
};

/// A piece of the answer to a request: of one choice of a generation, or all answers of another
/// task at once.
struct Delta {
  uint32_t choice = 0;
  std::string text;                           // may be empty
  std::vector<int32_t> token_ids;             // the tokens of `text` and of text held back
  std::vector<TokenLogprob> logprobs;         // one for each of token_ids, where asked for
  std::vector<TokenLogprob> prompt_logprobs;  // of the whole prompt, once, where asked for
  std::optional<End> end;                     // the last of its choice
  std::shared_ptr<const Answers> answers;  // of a task that does not generate; no other field then
};

}  // namespace weir::serve
