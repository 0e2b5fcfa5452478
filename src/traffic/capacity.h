#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "weir/traffic/gate.h"

namespace weir::traffic {

/// The buckets of models with an automatic capacity. A bucket holds microseconds: the predicted
/// time until the first token of a request that would come now. It leaks as time passes. A request
/// adds the time that it will take. Each look at the model's queue sets the bucket to the queue's
/// forecast. The bucket is full at the configured p99 of the time to first token.
///
/// `caution` multiplies the forecasts. A first token that came too late raises it by 5 %. One that
/// came in time lowers it by a 199th of that. So it rests where one in 200 is late (Robbins and
/// Monro, 1951). The promise is one in 100, but late ones come in waves. Not thread-safe.
class Capacities {
 public:
  explicit Capacities(Limiter& limiter) : limiter_(limiter) {}

  void watch(const std::string& model, std::function<ModelPace()> pace);
  void set_rules(const Rules& rules);

  /// Looks at the queues again whose last look is some time ago, and sets their buckets.
  void look(TimePoint now);
  /// What a request adds to its model's bucket. It is at most half of the bucket, so that a prompt
  /// that alone takes longer than the target is admitted while the model has little to do. 0: the
  /// model has no capacity.
  int64_t cost(const std::string& model, int64_t input_tokens) const;
  void admitted(const std::string& model);
  /// The first token of a request came `took` after its admission.
  void first_token(const std::string& model, Duration took);

  std::optional<CapacityState> state(const std::string& model) const;

 private:
  struct Watched {
    std::function<ModelPace()> source;
    Capacity rule;
    ModelPace pace;
    double caution = 1;
    TimePoint looked{};
    bool known = false;  // the queue was looked at since the capacity was set
  };

  void look(const std::string& model, Watched& watched, TimePoint now);
  const Watched* find(const std::string& model) const;

  Limiter& limiter_;
  std::map<std::string, Watched> models_;
};

/// The bucket of a model's capacity.
Cell capacity_cell(const std::string& model, const Capacity& rule);

}  // namespace weir::traffic
