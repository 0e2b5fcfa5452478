#pragma once

#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace weir {

/// What has become of each model, and why where it failed. Thread-safe. The registry outlives it.
class ModelStateSeries {
 public:
  explicit ModelStateSeries(prometheus::Registry& registry);
  /// `state`: "loading", "ready" or "failed".
  void set(const std::string& model, std::string_view state, const std::string& reason);

 private:
  using Gauges = prometheus::Family<prometheus::Gauge>;
  Gauges &state_, &failure_;
  std::mutex mutex_;
  std::map<std::string, prometheus::Gauge*> reasons_;  // of the models that failed
};

}  // namespace weir
