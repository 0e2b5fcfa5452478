#pragma once

#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <optional>
#include <string>

#include "weir/base/metrics.h"

namespace weir {

/// The series of models whose capacity sets itself. Thread-safe. The registry outlives it.
class CapacitySeries {
 public:
  explicit CapacitySeries(prometheus::Registry& registry);
  void set(const std::string& model, const std::optional<CapacitySample>& now);

 private:
  using Gauges = prometheus::Family<prometheus::Gauge>;
  Gauges &speed_, &first_token_, &target_, &backlog_, &caution_;
};

}  // namespace weir
