#pragma once

#include <ostream>
#include <vector>

#include "app/plan.h"

namespace weir::app {

/// Prints the values of the settings that are "auto" on this device and container: threads, steps,
/// memory. Errors: the device does not open, or the models do not fit.
Result<void> print_machine(std::vector<PlannedModel> models, const Config& config,
                           std::ostream& out);

}  // namespace weir::app
