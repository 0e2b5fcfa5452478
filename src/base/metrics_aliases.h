#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace weir {

/// Adds vLLM's names for what the native families hold: dashboards, autoscalers and inference
/// gateways look for them. Series are copied at the time of the scrape, so that each value is
/// observed once.
void add_aliases(std::vector<prometheus::MetricFamily>& families);

}  // namespace weir
