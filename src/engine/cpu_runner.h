#pragma once

#include <memory>

#include "engine/model_state.h"
#include "weir/engine/device.h"
#include "weir/nn/model.h"
#include "weir/schedule/plan.h"

namespace weir::engine {

/// Runs one model's plans on the CPU: launch computes, collect hands over. `device` outlives it.
std::unique_ptr<schedule::Runner> make_cpu_runner(schedule::ModelSpec spec, nn::Model model,
                                                  ModelState state, Device& device);

}  // namespace weir::engine
