#pragma once

#include <chrono>
#include <cstdint>
#include <variant>
#include <vector>

#include "weir/base/result.h"

namespace weir::work {

struct Token {
  int32_t id;
};

struct Vector {
  std::vector<float> values;
};

/// What a model gives for one row of a step. monostate: the row wanted none (a prompt's inner
/// chunk).
using Output = std::variant<std::monostate, Token, Vector, Error>;

/// The request's first row is in a plan: what is known from then on, also of one that is cut short.
struct Started {
  uint32_t cached_tokens = 0;           // of the prompt, taken from the prefix cache
  std::chrono::microseconds queued{0};  // from arrival to the first row
};

enum class FinishReason : uint8_t { stop, length };

/// The end of a request that went well, with what it cost.
struct Finish {
  FinishReason reason = FinishReason::stop;
  bool stop_token = false;  // the last Token event is the stop token itself: not shown
  uint32_t prompt_tokens = 0, generated_tokens = 0;
  std::chrono::microseconds prefill{0}, decode{0};
};

/// What comes back on a Reply, in order: Started, Tokens or one Vector, Finish; or an Error at any
/// time, as the last.
using Event = std::variant<Token, Vector, Started, Finish, Error>;

}  // namespace weir::work
