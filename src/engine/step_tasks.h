#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "weir/nn/model.h"
#include "weir/schedule/plan.h"

namespace weir::engine {

/// What the rows of a step ask of a model's heads. Reused from step to step.
class StepTasks {
 public:
  /// Where a task's answer goes.
  struct Place {
    uint32_t output = 0;  // index of its row's first Output
    uint32_t part = 0;    // index in Readings::heads
    uint32_t parts = 1;   // heads that its row asks
  };
  /// What is asked of one head, in row order.
  struct Asked {
    std::vector<nn::RowTask> tasks;
    std::vector<Place> places;  // of each task
    uint32_t lines = 0;         // of the head's answers
  };

  /// Makes no head's list empty that had room: their memory is kept.
  void clear(size_t heads);
  void add(const schedule::Row& row);

  std::span<const Asked> heads() const { return heads_; }
  uint32_t outputs() const { return outputs_; }  // of all rows

 private:
  void put(uint32_t head, nn::RowTask task, Place place);

  std::vector<Asked> heads_;
  uint32_t rows_ = 0, outputs_ = 0;
};

/// The tokens whose hidden states a step's heads read together.
struct TrunkReads {
  std::optional<std::vector<int32_t>> last;  // as nn::Inputs::read
  std::vector<int32_t> inner;                // as nn::Inputs::inner
};

/// Heads of which no line is asked read nothing.
TrunkReads reads_of(const nn::Model& model, const nn::Inputs& inputs, const StepTasks& tasks);

}  // namespace weir::engine
