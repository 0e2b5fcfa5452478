#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

/// The series of what spares or sheds work: the brown-out's rules and the response cache. Labels
/// come from the configuration. Thread-safe. The registry outlives it.
class OverloadSeries {
 public:
  explicit OverloadSeries(prometheus::Registry& registry);

  void set_brownout(const std::string& model, const std::string& rule, bool holds);
  void browned_out(const std::string& model, const std::string& rule);
  void response_cache(const std::string& model, std::string_view outcome);
  void set_response_cache(size_t bytes, size_t answers);

 private:
  prometheus::Family<prometheus::Gauge>& brownout_;
  prometheus::Family<prometheus::Counter>& browned_out_;
  prometheus::Family<prometheus::Counter>& responses_;
  prometheus::Gauge &cache_bytes_, &cache_answers_;
};

}  // namespace weir
