#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// What one finished request tells the metrics. Durations in seconds; token counts as charged.
struct RequestSample {
  std::string_view finish_reason;  // "stop", "length", "abort", "error"
  uint32_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0, max_tokens = 0;
  double queue_s = 0, prefill_s = 0, decode_s = 0, e2e_s = 0;
};

/// The series of one served model. Thread-safe; observe per request or per step, never per token
/// inside a step.
class ModelMetrics {
 public:
  virtual ~ModelMetrics() = default;
  virtual void set_load(uint32_t waiting, uint32_t running, double kv_usage) = 0;
  virtual void step(uint32_t tokens, double seconds) = 0;
  virtual void preempted(uint32_t count) = 0;
  /// Guessed tokens of a step, and how many of them came true.
  virtual void drafted(uint32_t tokens, uint32_t accepted) = 0;
  virtual void prefix_cache(uint64_t queried_tokens, uint64_t hit_tokens) = 0;
  virtual void first_token(double seconds) = 0;
  virtual void inter_token(double seconds) = 0;
  virtual void finished(const RequestSample& sample) = 0;
  virtual void refused(std::string_view reason) = 0;  // "rate_limited", "overloaded", ...
};

/// How a model's capacity stands. Speeds are tokens/s; 0: not known yet.
struct CapacitySample {
  double prefill_speed = 0, decode_speed = 0;
  double first_token_p99_s = 0, first_token_target_s = 0;
  double backlog_s = 0;  // until the first token of who would come last
  double caution = 1;    // forecasts count for so many times as long
};

/// The work before the gate: requests that wait for a turn, and that are worked on; bytes of bodies
/// that are held.
struct IntakeSample {
  size_t waiting = 0, running = 0, bytes = 0;
};

/// The registry behind `/metrics`: native names under `weir_`, and vLLM's names as aliases.
/// Thread-safe.
class Metrics {
 public:
  virtual ~Metrics() = default;
  /// Series live as long as the registry; the same name gives the same object.
  virtual ModelMetrics& model(const std::string& name) = 0;
  virtual void http_request(std::string_view route, int status, double seconds) = 0;
  virtual void set_connections(uint32_t open) = 0;
  virtual void ignored_fields(size_t count) = 0;  // of a request's body
  /// Constants of a model's cache, shown as `vllm:cache_config_info`.
  virtual void set_cache_config(const std::string& model, uint32_t page_size, uint32_t pages) = 0;
  /// `state`: "loading", "ready" or "failed", then with its reason.
  virtual void set_model_state(const std::string& model, std::string_view state,
                               const std::string& reason = {}) = 0;
  /// A rule of the brown-out holds for a model or does no more; a request was touched by it.
  virtual void set_brownout(const std::string& model, const std::string& rule, bool holds) = 0;
  virtual void browned_out(const std::string& model, const std::string& rule) = 0;
  /// `outcome`: "hit", "miss" or "coalesced".
  virtual void response_cache(const std::string& model, std::string_view outcome) = 0;
  virtual void set_response_cache(size_t bytes, size_t answers) = 0;
  virtual void set_intake(const IntakeSample& now) = 0;
  /// A body found no room.
  virtual void intake_refused() = 0;
  /// none: the model has no capacity any more, and its series go.
  virtual void set_capacity(const std::string& model, const std::optional<CapacitySample>& now) = 0;
  /// Prometheus text format.
  virtual std::string text() const = 0;
};

std::unique_ptr<Metrics> make_metrics();

}  // namespace weir
