#pragma once

#include <memory>

#include "engine/model_state.h"
#include "weir/engine/device.h"
#include "weir/nn/model.h"
#include "weir/schedule/plan.h"

namespace weir::engine {

/// The greatest step that a runner takes.
struct StepLimits {
  uint32_t max_sequences = 0;
  uint32_t max_batch_tokens = 0;
};

/// Runs one model's plans on a GPU, one step ahead of the host: launch queues, collect waits. Steps
/// of single tokens are replayed as CUDA graphs. `state` has one page more than spec.pages, for
/// rows that only fill a graph up. An error after which every call of the device fails makes it
/// lost(). `device` outlives it.
std::unique_ptr<schedule::Runner> make_cuda_runner(schedule::ModelSpec spec,
                                                   std::shared_ptr<const nn::Model> model,
                                                   ModelState state, StepLimits limits,
                                                   Device& device);

}  // namespace weir::engine
