#pragma once

#include <cstdint>
#include <vector>

#include "engine/ragged_lists.h"
#include "engine/step_tasks.h"
#include "weir/nn/pass.h"
#include "weir/schedule/plan.h"

namespace weir::engine {

/// The numbers of one plan, as the kernels read them, on the host. Reused from step to step.
struct StepInputs {
  RaggedLists own;             // the rows' tokens and the keys of their sequences
  RaggedLists encode;          // the sources that are encoded in this step; rows of those alone
  RaggedLists sources;         // the rows and the keys of their sources; it has no ids of its own
  std::vector<int32_t> slots;  // (rows)
  std::vector<int32_t> page_copies;  // pairs (from, to)
  std::vector<int32_t> types;        // (tokens); empty: every token is of type 0
  StepTasks tasks;

  /// For a model with so many heads.
  void fill(const schedule::StepPlan& plan, size_t heads);
  /// What a trunk reads, where the host's memory is the device's. Nothing is said of what is read
  /// of its states. Valid until the next fill().
  nn::Inputs inputs() const;

 private:
  void add(const schedule::Row& row);
  void add_types(std::span<const uint8_t> of_row);
};

}  // namespace weir::engine
