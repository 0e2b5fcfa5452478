#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace weir {

/// Appends what Prometheus's own client libraries tell of a process (process_*, as its
/// documentation on writing client libraries names them), the threads, and the lines of the log
/// that were dropped. What /proc does not say is left out.
void add_process(std::vector<prometheus::MetricFamily>& families);

}  // namespace weir
