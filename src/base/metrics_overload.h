#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "weir/base/metrics.h"

namespace weir {

/// The series of what spares, bounds or sheds work: the brown-out's rules, the response cache, the
/// intake. Labels
/// come from the configuration. Thread-safe. The registry outlives it.
class OverloadSeries {
 public:
  explicit OverloadSeries(prometheus::Registry& registry);

  void set_brownout(const std::string& model, const std::string& rule, bool holds);
  void browned_out(const std::string& model, const std::string& rule);
  void response_cache(const std::string& model, std::string_view outcome);
  void set_response_cache(size_t bytes, size_t answers);
  void set_intake(const IntakeSample& now);
  void intake_refused() { intake_refused_.Increment(); }

 private:
  prometheus::Family<prometheus::Gauge>& brownout_;
  prometheus::Family<prometheus::Counter>& browned_out_;
  prometheus::Family<prometheus::Counter>& responses_;
  prometheus::Gauge &cache_bytes_, &cache_answers_;
  prometheus::Gauge &intake_waiting_, &intake_running_, &intake_bytes_;
  prometheus::Counter& intake_refused_;
};

}  // namespace weir
