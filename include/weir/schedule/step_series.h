#pragma once

#include "weir/base/metrics.h"

namespace weir::schedule {

inline constexpr double kStepTokens[] = {1,   8,    16,   32,   64,   128,  256,
                                         512, 1024, 2048, 4096, 8192, 16384};

/// What is measured of one model's steps. The registry outlives it.
struct StepSeries {
  Registry& in;
  Labels of;  // the model

  Gauge waiting = in.gauge("weir_requests_waiting", "Requests in the queue.", of);
  Gauge running = in.gauge("weir_requests_running", "Sequences being computed.", of);
  Gauge kv_usage = in.gauge("weir_kv_cache_usage", "Share of cache pages in use, 0 to 1.", of);
  Histogram tokens = in.histogram("weir_step_tokens", "Tokens of a step.", of, kStepTokens);
  Histogram seconds = in.histogram("weir_step_seconds", "Duration of a step.", of, kShortSeconds);
  Counter preemptions =
      in.counter("weir_preemptions_total",
                 "Sequences set back for want of pages, or for a client with fewer.", of);
  Counter drafted = in.counter("weir_draft_tokens_total", "Tokens guessed ahead and computed.", of);
  Counter came_true =
      in.counter("weir_draft_tokens_accepted_total", "Guessed tokens that came true.", of);
  Counter prefix_queried = in.counter("weir_prefix_cache_queried_tokens_total",
                                      "Prompt tokens looked up in the prefix cache.", of);
  Counter prefix_hit = in.counter("weir_prefix_cache_hit_tokens_total",
                                  "Prompt tokens found in the prefix cache.", of);
};

}  // namespace weir::schedule
