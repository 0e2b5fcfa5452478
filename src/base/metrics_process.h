#pragma once

#include "weir/base/metrics.h"

namespace weir {

/// Tells what Prometheus's own client libraries tell of a process (process_*, as its documentation
/// on writing client libraries names them), its threads, and how many lines of the log were
/// dropped. What /proc does not say is left out.
void tell_process(Scrape& to);

}  // namespace weir
