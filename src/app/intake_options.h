#pragma once

#include "app/config.h"
#include "weir/base/cgroup.h"
#include "weir/traffic/intake.h"

namespace weir::app {

/// How much work before the gate is done at a time: as many long requests as the process may use
/// cores, and room for 24 bodies of the largest size. The room is at most an eighth of a
/// container's memory, and at least one body.
traffic::IntakeOptions intake_options(const Config& config, int cores, const CgroupLimits& limits);

}  // namespace weir::app
