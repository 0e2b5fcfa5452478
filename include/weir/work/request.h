#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "weir/base/clock.h"
#include "weir/work/reply.h"

namespace weir::work {

/// A beam search in place of draws: what GenerationConfig of Hugging Face's transformers calls
/// num_beams, num_return_sequences, length_penalty, early_stopping (false, true, "never") and
/// no_repeat_ngram_size.
struct Beams {
  enum class Stopping : uint8_t { late, early, never };
  uint32_t beams = 2;     // at least 2
  uint32_t returned = 1;  // at most `beams`; the best first
  float length_penalty = 1;
  Stopping early_stopping = Stopping::late;
  uint32_t no_repeat_ngram = 0;  // 0: off
};

/// How the next token is drawn and when to stop. temperature 0 is greedy; top_k 0, top_p 1, min_p 0
/// are off.
struct SamplingParams {
  float temperature = 1, top_p = 1, min_p = 0;
  uint32_t top_k = 0;
  uint64_t seed =
      0;  // always set: a request without one is given a random one. Draw i uses (seed, i) only
  uint32_t max_tokens = 16,
           min_tokens = 0;  // of the completion; before min_tokens no stop token may be drawn
  bool ignore_eos = false;  // stop tokens of the model end nothing
  std::vector<int32_t> stop_tokens;  // the model's (unless ignore_eos) and the request's

  // What changes the logits, as vLLM defines it and in its order. A positive logit is divided by
  // the repetition penalty, another multiplied, for the tokens of prompt and completion; the other
  // two penalties are subtracted for those of the completion: once, and for each time.
  std::vector<int32_t> allowed_tokens;          // rising; empty: all
  std::vector<std::vector<int32_t>> bad_words;  // none empty; none becomes part of the completion
  std::vector<std::pair<int32_t, float>> bias;  // added; an id once
  float repetition_penalty = 1, presence_penalty = 0, frequency_penalty = 0;

  // For so many of the most likely tokens beside the one that was drawn; unset: none are told.
  std::optional<uint32_t> logprobs, prompt_logprobs;

  std::optional<Beams> beams;  // set: nothing else that changes logits or tells logprobs is

  /// Whether a draw depends on the tokens before it in another way than through the model.
  bool reads_history() const {
    return !bad_words.empty() || repetition_penalty != 1 || presence_penalty != 0 ||
           frequency_penalty != 0;
  }
};

inline constexpr uint32_t kMostLogprobs = 20;  // that a request may ask for

/// What is wanted of one of a model's heads that read.
struct Read {
  uint32_t head = 0;      // index into the model's heads
  uint32_t left_out = 0;  // tokens at the beginning of the prompt that are not pooled
  /// Set: one line of numbers for each of these tokens of the prompt, ascending. Unset: one line
  /// for the whole prompt.
  std::optional<std::vector<uint32_t>> tokens = {};
};
using Reads = std::vector<Read>;  // not empty; each head at most once

/// A request either draws tokens or reads numbers.
using TaskParams = std::variant<SamplingParams, Reads>;

inline bool is_drawn(const TaskParams& params) {
  return std::holds_alternative<SamplingParams>(params);
}

/// One more completion of a request's prompt.
struct Branch {
  uint64_t seed = 0;  // in place of the request's; of a beam search without meaning
  Reply reply;
};

/// A request as the scheduler gets it: tokens plus a task. Move-only.
struct Request {
  std::string id;               // for the log
  std::vector<int32_t> source;  // what an encoder-decoder's encoder reads; empty for other models
  std::vector<int32_t> prompt;  // not empty; of an encoder-decoder the decoder's
  std::vector<uint8_t> types;   // token types of the prompt; empty: all are 0
  TaskParams params;
  Reply reply;
  std::vector<Branch> branches;  // the prompt is computed once for all; `returned` - 1 of beams
  std::string client;            // whose share it is
  std::string cache_scope;       // pages are shared within one scope only
  float weight = 1;
  int priority = 5;                   // 0 to 9, higher first
  uint32_t level = 0;                 // in the order of service; set by the queue
  TimePoint arrival;                  // at the queue
  std::optional<TimePoint> deadline;  // dropped unstarted after it
  // The predicted wait, divided by Outlook::lateness; set by the queue.
  std::chrono::milliseconds foretold{0};

  /// Tokens that are read before the first is drawn: what the queue and the usage count.
  size_t input_tokens() const { return source.size() + prompt.size(); }

  /// Answers it and its branches.
  void fail(const Error& error) {
    for (Branch& branch : branches) branch.reply.fail(error);
    branches.clear();
    reply.fail(error);
  }
};

}  // namespace weir::work
