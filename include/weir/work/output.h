#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/result.h"

namespace weir::work {

/// log_softmax of the logits as the model gave them, before anything changes them.
struct Logprobs {
  float own = 0;                               // of the token itself
  int32_t rank = 0;                            // how many tokens are at least as likely
  std::vector<std::pair<int32_t, float>> top;  // the most likely ones, falling; ties by id
};

struct Token {
  int32_t id;
  std::optional<Logprobs> logprobs = {};  // where the request asks for them
  std::optional<TimePoint> at = {};       // the end of its step; unset: not known
};

/// Tokens of the prompt in order, from its second on, as they are read. All of them come before the
/// first Token.
struct PromptTokens {
  std::vector<Token> tokens;
};

/// What one head gives for one row: a line of so many columns for the whole prompt, or one for each
/// token that it was asked for.
struct Numbers {
  uint32_t columns = 0;
  std::vector<float> values;  // line after line

  size_t lines() const { return columns == 0 ? 0 : values.size() / columns; }
};

/// The numbers of the heads that a request reads, in the order of its Reads.
struct Readings {
  std::vector<Numbers> heads;
};

/// What a model gives for one row of a step. monostate: the row wanted no output (a chunk inside a
/// prompt).
using Output = std::variant<std::monostate, Token, Readings, Error>;

/// The request's first row is in a plan. What is known from then on, even if the request is cut
/// short.
struct Started {
  uint32_t cached_tokens = 0;           // of the prompt, taken from the prefix cache
  std::chrono::microseconds queued{0};  // from arrival to the first row
};

enum class FinishReason : uint8_t { stop, length };

/// The end of a request that went well, with what it cost.
struct Finish {
  FinishReason reason = FinishReason::stop;
  bool stop_token = false;  // the last Token event is the stop token itself: not shown
  uint32_t prompt_tokens = 0, generated_tokens = 0;  // the source counts as prompt
  std::chrono::microseconds prefill{0}, decode{0};
};

/// What comes back on a Reply, in order: Started, PromptTokens where they are asked for, Tokens or
/// one Readings, Finish; or an Error at any time, as the last.
using Event = std::variant<Token, PromptTokens, Readings, Started, Finish, Error>;

}  // namespace weir::work
