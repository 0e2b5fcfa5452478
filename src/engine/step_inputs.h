#pragma once

#include <cstdint>
#include <vector>

#include "engine/step_tasks.h"
#include "weir/kernels/view.h"
#include "weir/schedule/plan.h"

namespace weir::engine {

/// The numbers of one plan, as the kernels read them, on the host. Reused from step to step.
struct StepInputs {
  std::vector<int32_t>
      ids;  // (tokens); -1 where the token is the row's last sampled, still on the device
  std::vector<int32_t> positions;   // (tokens)
  std::vector<int32_t> q_begin;     // (rows + 1)
  std::vector<int32_t> kv_length;   // (rows)
  std::vector<int32_t> page_begin;  // (rows + 1)
  std::vector<int32_t> page_ids;
  std::vector<int32_t> page_copies;  // pairs (from, to)
  std::vector<int32_t> types;        // (tokens); empty: every token is of type 0
  StepTasks tasks;

  /// For a model with so many heads.
  void fill(const schedule::StepPlan& plan, size_t heads);
  /// Device and host are the same memory here.
  kernels::Ragged ragged() const;

 private:
  void add_types(std::span<const uint8_t> of_row);
};

}  // namespace weir::engine
