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
#include "weir/base/service_order.h"
#include "weir/traffic/key.h"
#include "weir/traffic/limiter.h"

namespace weir::traffic {

class Gate;
struct QuotaQuery;

/// A paid admission. Move-only; lives as long as its request. The destructor settles to what used()
/// was told. After refund_all() everything is given back. Used by one thread at a time. The gate
/// outlives it.
class Permit {
 public:
  Permit();
  Permit(Permit&&) noexcept;
  Permit& operator=(Permit&&) noexcept;
  ~Permit();
  /// Tells what the request has used so far. If that is more than the reserve, takes further tokens
  /// in blocks of 256. `cached_tokens` of the input came from the prefix cache.
  void used(int64_t input_tokens, int64_t output_tokens, int64_t cached_tokens = 0);
  /// Charges nothing, not even the request: the daemon refused it after all.
  void refund_all();
  /// The buckets' states, for the headers.
  const std::vector<CellState>& cells() const;

 private:
  friend class Gate;
  friend class Place;
  class State;
  explicit Permit(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A request that asks to be admitted. Its weight and priority are those of its key.
struct Entry {
  std::shared_ptr<const Key> key;
  std::string model;
  Cost cost;  // requests 1, prompt tokens, reserved completion tokens, concurrent 1
  std::chrono::milliseconds max_wait{2000};  // 0: refuse at once
};

/// A request's place in line, by the present state.
struct Standing {
  size_t place = 0;                   // 1: next in its model's line; 0: through
  std::chrono::milliseconds wait{0};  // predicted, else the most that it may still wait
};

/// A request at the gate: admitted at once, or in line. Move-only. The destructor leaves the line,
/// or gives an admission back that was not taken; neither costs anything. Used by one thread at a
/// time. The gate outlives it.
class Place {
 public:
  Place(Place&&) noexcept;
  Place& operator=(Place&&) noexcept;
  ~Place();
  bool admitted() const;
  Standing standing() const;
  /// Waits at most `limit`. True: admitted; false: `limit` passed. Errors: those of Gate::enter, as
  /// soon as the predicted wait passes the entry's max_wait; unavailable (closed).
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

/// What Gate::enter would do now.
struct Quote {
  Cost cost;
  std::vector<CellState> cells;
  std::vector<std::string> owners;  // of the cells: "key web", "tenant shop", "model m"
  std::chrono::milliseconds wait{0};
  std::optional<Error> refusal;
};

/// How fast a model computes, and what waits for it, as measured recently. 0: not known yet.
struct ModelPace {
  double prefill_tokens_per_s = 0, decode_tokens_per_s = 0;
  double prompt_tokens_per_s = 0;  // while as many rows decode as now
  double first_token_p99_s = 0;    // from admission
  double backlog_s = 0;            // until the first token of a request that would come now
  double turn_s = 0;               // between the ends of two sequences, if no seat is free
  uint32_t free_seats = 0;
};

/// A model's capacity, where the key file sets one.
struct CapacityState {
  Capacity rule;
  ModelPace pace;
  double caution = 1;  // forecasts are multiplied by it; it rises when first tokens come late
};

/// Tells the series weir_capacity_*.
void tell(Scrape& to, const std::string& model, const CapacityState& capacity);

struct GateOptions {
  std::chrono::milliseconds forecast_age{20};  // of places and waits, where many come and go
  double cached_weight = 1;  // of a prompt token that the prefix cache held, at settlement; 0 to 1
  std::function<std::chrono::system_clock::time_point()> wall = std::chrono::system_clock::now;
  const ServiceOrder* order = &fair_order();  // of the line; outlives the gate
};

/// The line before the queue, one for each model. A request passes at once when its buckets can pay
/// and none that shares one of them waits; otherwise the order of service says which is next.
/// Thread-safe; only Place::wait blocks.
class Gate {
 public:
  Gate(std::unique_ptr<Limiter> limiter, const Clock& clock, GateOptions options = {});
  ~Gate();
  Gate(const Gate&) = delete;

  /// Sets the limits of tenants and models. Keys have limits of their own. May be called again when
  /// the key file has changed: buckets keep what was taken from them.
  void set_rules(Rules rules);
  /// Sets the source of a model's pace, for a model with a capacity. It is called under the gate's
  /// lock, at most every 20 ms. REQUIRES: no request has entered.
  void watch(const std::string& model, std::function<ModelPace()> pace);
  /// None: the key file sets no capacity for this model, or watch() was not called for it.
  std::optional<CapacityState> capacity(const std::string& model) const;
  /// Sets the source of what was used before this process began. It is called once for each quota
  /// and period, in the thread that enters. REQUIRES: no request has entered.
  void set_history(std::function<Cost(const QuotaQuery&)> history);

  /// Errors: rate_limited, if the predicted wait passes max_wait, with the unit and, if it can be
  /// predicted, the exact time; with never_retry if a quota is spent; never_fits; overloaded (the
  /// model's capacity); unavailable (closed). `cells` gets the buckets, also if it is refused.
  Result<Place> enter(const Entry& entry, std::vector<CellState>* cells = nullptr);
  /// Takes nothing.
  Quote quote(const Entry& entry) const;

  size_t waiting() const;
  /// Admits no more requests. Those that wait get unavailable.
  void close();

 private:
  friend class Permit;
  friend class Place;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The headers "x-ratelimit-*" of an answer; empty without limits.
std::vector<std::pair<std::string, std::string>> limit_headers(const std::vector<CellState>& cells);

/// The headers "RateLimit-Policy" and "RateLimit" of draft-ietf-httpapi-ratelimit-headers-10, with
/// one item for each limit; of limits with the same name only the tightest. Empty without limits.
std::vector<std::pair<std::string, std::string>> ietf_limit_headers(
    const std::vector<CellState>& cells);

}  // namespace weir::traffic
