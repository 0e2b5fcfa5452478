#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/metrics.h"
#include "weir/base/result.h"
#include "weir/traffic/key.h"
#include "weir/traffic/limiter.h"

namespace weir::traffic {

class Gate;
struct QuotaQuery;

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
  /// it. `cached_tokens` of the input came from the prefix cache.
  void used(int64_t input_tokens, int64_t output_tokens, int64_t cached_tokens = 0);
  /// Refused by us after all: nothing is charged, the request itself neither.
  void refund_all();
  /// The buckets as they stand, for the headers.
  const std::vector<CellState>& cells() const;

 private:
  friend class Gate;
  friend class Place;
  class State;
  explicit Permit(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What asks to be let in. Weight and priority are its key's.
struct Entry {
  std::shared_ptr<const Key> key;
  std::string model;
  Cost cost;  // requests 1, prompt tokens, reserved completion tokens, concurrent 1
  std::chrono::milliseconds max_wait{2000};  // 0: refuse at once
};

/// Where somebody stands in line, as things are.
struct Standing {
  size_t place = 0;                   // 1: next in its model's line; 0: through
  std::chrono::milliseconds wait{0};  // what it may still wait at most where nobody can foretell
};

/// A stay at the gate: admitted at once, or in line. Move-only. Dying leaves the line, or gives an
/// admission back that nobody took, and costs nothing. Thread-safe for one user at a time. The gate
/// outlives it.
class Place {
 public:
  Place(Place&&) noexcept;
  Place& operator=(Place&&) noexcept;
  ~Place();
  bool admitted() const;
  Standing standing() const;
  /// true: admitted; false: `limit` passed. Errors: rate_limited and its kin, as soon as the
  /// predicted wait passes the entry's max_wait; unavailable (closed).
  Result<bool> wait(std::chrono::milliseconds limit);
  /// REQUIRES: admitted(), and not taken before.
  Permit take();
  /// The buckets at the last look, for the headers.
  std::vector<CellState> cells() const;

 private:
  friend class Gate;
  class State;
  explicit Place(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What enter() would do now.
struct Quote {
  Cost cost;
  std::vector<CellState> cells;
  std::vector<std::string> owners;  // of the cells: "key web", "tenant shop", "model m"
  std::chrono::milliseconds wait{0};
  std::optional<Error> refusal;
};

/// How fast a model computes, and what waits for it, as measured of late; 0: not known yet.
struct Pace {
  double prefill_tokens_per_s = 0, decode_tokens_per_s = 0;
  double prompt_tokens_per_s = 0;  // beside what decodes now
  double first_token_p99_s = 0;    // from admission
  double backlog_s = 0;            // until the first token of who would come last
  double turn_s = 0;               // between two that end, where no seat is free
  uint32_t free_seats = 0;
};

/// A model's capacity, where the key file sets one.
struct CapacityState {
  Capacity rule;
  Pace pace;
  double caution = 1;  // forecasts count for so many times as long, since first tokens came late
};

/// The series weir_capacity_*.
void tell(Scrape& to, const std::string& model, const CapacityState& capacity);

struct GateOptions {
  std::chrono::milliseconds forecast_age{20};  // of places and waits, where many come and go
  double cached_weight = 1;  // of a prompt token that the prefix cache held, at settlement; 0 to 1
  std::function<std::chrono::system_clock::time_point()> wall = std::chrono::system_clock::now;
};

/// The line before the queue: each client its own, in a model's line clients take turns. Passes at
/// once when the buckets can pay and nobody is before. Thread-safe; never blocks but in
/// Place::wait.
class Gate {
 public:
  Gate(std::unique_ptr<Limiter> limiter, const Clock& clock, GateOptions options = {});
  ~Gate();
  Gate(const Gate&) = delete;

  /// The limits of tenants and models; keys bring their own. May be called again when the key file
  /// changed: buckets keep what was taken from them.
  void set_rules(Rules rules);
  /// Where to ask for a model's pace, if it has a capacity: under the gate's lock, at most every
  /// 20 ms. Call it before anybody enters.
  void watch(const std::string& model, std::function<Pace()> pace);
  /// none: the key file sets no capacity for this model, or nobody watches it.
  std::optional<CapacityState> capacity(const std::string& model) const;
  /// What was used before this process began: asked once for each quota and period, in the thread
  /// that enters. Call it before anybody enters.
  void set_history(std::function<Cost(const QuotaQuery&)> history);

  /// Errors: rate_limited with the unit and the exact time, where that can be foretold (the
  /// predicted wait passes max_wait), and with never_retry where a quota is spent; never_fits;
  /// overloaded (the model's capacity); unavailable (closed). `cells` gets the buckets also on a
  /// refusal.
  Result<Place> enter(const Entry& entry, std::vector<CellState>* cells = nullptr);
  /// Takes nothing.
  Quote quote(const Entry& entry) const;

  size_t waiting() const;
  /// Nobody else comes in; who waits is answered unavailable.
  void close();

 private:
  friend class Permit;
  friend class Place;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// "x-ratelimit-*" as headers of an answer; empty without limits.
std::vector<std::pair<std::string, std::string>> limit_headers(const std::vector<CellState>& cells);

/// The pair "RateLimit-Policy" and "RateLimit" of draft-ietf-httpapi-ratelimit-headers-10, an item
/// for each limit; of limits alike the tightest. Empty without limits.
std::vector<std::pair<std::string, std::string>> ietf_limit_headers(
    const std::vector<CellState>& cells);

}  // namespace weir::traffic
