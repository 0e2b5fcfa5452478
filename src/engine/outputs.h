#pragma once

#include <span>
#include <vector>

#include "engine/step_tasks.h"
#include "weir/nn/model.h"
#include "weir/work/output.h"

namespace weir::engine {

/// What a step's heads gave, on the host, as schedule::Runner::collect has it. `answers` of each
/// head; nothing of one of which no line was asked.
std::vector<work::Output> outputs_of(std::span<const nn::HeadOutput> answers,
                                     const StepTasks& tasks);

}  // namespace weir::engine
