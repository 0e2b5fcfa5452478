#pragma once

#include <cstdint>
#include <vector>

#include "weir/base/progress.h"
#include "weir/base/result.h"
#include "weir/schedule/plan.h"

namespace weir::engine {

/// So many rows of so many tokens each.
struct StepSize {
  uint32_t rows = 1, tokens = 1;
};

/// The steps that are run before a model is ready, so that no request pays for what a device does
/// at its first step of a kind: loading kernels, making workspaces, capturing graphs. The greatest
/// step comes first, what follows finds its memory there; then one prompt of each power of two,
/// then twice each number of rows for which there is a graph: the second is captured. `rows` and
/// `tokens` are those of the greatest step.
std::vector<StepSize> warm_up_steps(const schedule::ModelSpec& spec, uint32_t rows,
                                    uint32_t tokens);

/// Runs them. What the cache holds afterwards is nobody's: all rows write to its first pages.
/// Errors: those of the runner.
Result<void> warm_up(schedule::Runner& runner, const std::vector<StepSize>& steps,
                     Progress& progress);

}  // namespace weir::engine
