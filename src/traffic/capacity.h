#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "weir/traffic/gate.h"

namespace weir::traffic {

/// The buckets of models whose capacity is "auto". A bucket holds microseconds of the time until
/// the first token of who would come last, as the model's queue foretells it: it leaks as time goes
/// by, a request adds what it will take, and every look at the queue sets it right. It is full at
/// the configured p99 of the time to first token.
///
/// `caution` is what forecasts are multiplied by. Each first token that came too late raises it by
/// 5 %, each in time lowers it a 200th of that, so that it rests where one in 200 is late (Robbins
/// and Monro, 1951): some come in waves, and one in 100 is the promise. Not thread-safe.
class Capacities {
 public:
  explicit Capacities(Limiter& limiter) : limiter_(limiter) {}

  void watch(const std::string& model, std::function<Pace()> pace);
  void set_rules(const Rules& rules);

  /// Sets the buckets right that were not looked at for a while.
  void look(TimePoint now);
  /// What a request adds to its model's bucket; at most half of it, so that a prompt that takes
  /// longer than the target by itself is let in by a model that has little to do. 0: no capacity.
  int64_t cost(const std::string& model, int64_t input_tokens) const;
  void admitted(const std::string& model);
  /// The first token of a request came, so long after its admission.
  void first_token(const std::string& model, Duration took);

  std::optional<CapacityState> state(const std::string& model) const;

 private:
  struct Watched {
    std::function<Pace()> source;
    Capacity rule;
    Pace pace;
    double caution = 1;
    TimePoint looked{};
    bool known = false;  // looked at since the capacity was set
  };

  void look(const std::string& model, Watched& watched, TimePoint now);
  const Watched* find(const std::string& model) const;

  Limiter& limiter_;
  std::map<std::string, Watched> models_;
};

/// The bucket of a model's capacity.
Cell capacity_cell(const std::string& model, const Capacity& rule);

}  // namespace weir::traffic
