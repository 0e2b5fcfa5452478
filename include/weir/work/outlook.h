#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::work {

/// How fast one model is served and how soon there is room, as its step thread measured it
/// recently. 0: not known yet.
struct Outlook {
  double prefill_tokens_per_s = 0;  // of prompts, in steps that hold little else
  double decode_tokens_per_s = 0;   // of completions, with as many sequences as there are now
  double first_token_p99_s = 0;     // from the push to the first token; of the last 30 s
  double step_seconds = 0;
  double prompt_tokens_per_s = 0;  // of all prompts together, beside what decodes now
  double prompt_tokens_left = 0;   // of sequences that run, not computed yet
  uint32_t seats = 0, taken = 0;   // sequences that may run, and do
  double seat_seconds = 0;         // that a sequence runs
  std::vector<double> free_in;  // seconds until a seat is free, for each that is taken; ascending
  // Waits for seats were so many times as long as predicted, since other requests went first.
  double lateness = 1;
};

/// Where a request stands.
struct QueueForecast {
  size_t position = 0;                       // requests that are served before it
  std::chrono::milliseconds wait{0};         // until its first row is in a step
  std::chrono::milliseconds first_token{0};  // until its first token
};

/// What waits before a request, and what its client has already.
struct Ahead {
  size_t requests = 0, tokens = 0;  // that the order of service puts before it
  size_t own = 0;                   // of these, its own client's
  size_t running = 0;               // of its client
  size_t clients = 1;  // that wait or run, its own with them; 1 where the order knows no clients
};

/// Pure. The request itself has `prompt_tokens`. Requests that come later and go first are not
/// foreseen: everything is taken to stay as it is.
QueueForecast forecast(const Outlook& outlook, const Ahead& ahead, size_t prompt_tokens);

}  // namespace weir::work
