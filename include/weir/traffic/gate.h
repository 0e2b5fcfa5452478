#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/result.h"
#include "weir/traffic/key.h"
#include "weir/traffic/limiter.h"

namespace weir::traffic {

class Gate;

/// Admission, paid. Move-only; lives as long as its request. Settles to what `used` says when it
/// dies; a permit that never started (refund_all) gives everything back. Thread-safe for one user
/// at a time. The gate outlives it.
class Permit {
 public:
  Permit();
  Permit(Permit&&) noexcept;
  Permit& operator=(Permit&&) noexcept;
  ~Permit();
  /// What the request has used so far; tops the reserve up in blocks of 256 tokens where it passes
  /// it.
  void used(int64_t input_tokens, int64_t output_tokens);
  /// Refused by us after all: nothing is charged, the request itself neither.
  void refund_all();
  /// The buckets as they stand, for the headers.
  const std::vector<CellState>& cells() const;

 private:
  friend class Gate;
  class State;
  explicit Permit(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What asks to be let in.
struct Entry {
  std::shared_ptr<const Key> key;
  std::string model;
  Cost cost;  // requests 1, prompt tokens, reserved completion tokens
  std::chrono::milliseconds max_wait{2000};  // 0: refuse at once
  std::function<bool()> gone;  // the client left; asked now and then while waiting. May be null
};

/// The line before the queue: each client its own, in a model's line clients take turns. Passes at
/// once when the buckets can pay and nobody is before; else waits in the caller's thread.
/// Thread-safe.
class Gate {
 public:
  Gate(std::unique_ptr<Limiter> limiter, const Clock& clock);
  ~Gate();
  Gate(const Gate&) = delete;

  /// The limits of models; keys bring their own. May be called again when the key file changed.
  void set_models(std::vector<ModelLimits> models);

  /// Waits at most `entry.max_wait`. Errors: rate_limited with the exact time and the unit (at
  /// once, as soon as the predicted wait passes max_wait), never_fits, cancelled, unavailable
  /// (closed). `cells` gets the buckets also on a refusal.
  Result<Permit> enter(const Entry& entry, std::vector<CellState>* cells = nullptr);

  size_t waiting() const;
  /// Nobody else comes in; who waits is answered unavailable.
  void close();

 private:
  friend class Permit;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// "x-ratelimit-*" as headers of an answer; empty without limits.
std::vector<std::pair<std::string, std::string>> limit_headers(const std::vector<CellState>& cells);

}  // namespace weir::traffic
