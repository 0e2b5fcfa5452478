#pragma once

#include <cstdint>
#include <vector>

#include "weir/kernels/view.h"
#include "weir/nn/model.h"
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
  std::vector<nn::RowTask> tasks;    // (rows)
  int32_t outputs = 0;               // lines of the head's answers

  void fill(const schedule::StepPlan& plan);
  /// Device and host are the same memory here.
  kernels::Ragged ragged() const;
};

}  // namespace weir::engine
