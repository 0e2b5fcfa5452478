#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "weir/nn/backend.h"
#include "weir/nn/model.h"

namespace weir::nn {

/// What the rows of a step ask of their logits: a line for each token that is scored and for each
/// draw, in row order, and within a row in the order of its tokens. Points into the tasks.
class SampleLines {
 public:
  /// Once for each step.
  void fill(std::span<const RowTask> rows, int64_t vocabulary);
  std::span<const kernels::SampleRow> lines() const { return lines_; }

 private:
  void add_draw(const RowTask& row, uint32_t ahead);
  void edit_for(const RowTask& row, const work::SamplingParams& params, uint32_t ahead);
  void penalize(const RowTask& row, const work::SamplingParams& params, uint32_t ahead);
  kernels::LogitEdit& edit_of(int32_t id);
  int32_t count_of(std::optional<uint32_t> logprobs) const;  // as SampleRow has it

  std::vector<kernels::SampleRow> lines_;
  std::vector<kernels::LogitEdit> edits_;                 // of all lines
  std::vector<std::pair<size_t, size_t>> edits_of_line_;  // begin and end
  std::vector<int32_t> place_;   // (vocabulary) of an id's edit behind `begin_`; -1: it has none
  std::vector<uint32_t> times_;  // that the id of an edit stands in the completion
  size_t begin_ = 0;             // of the line's edits
};

/// Draws tokens from logits and tells their logprobs. Used by the step thread.
class Sampler {
 public:
  explicit Sampler(Backend& backend) : backend_(backend) {}

  /// Room for the answers to `lines`, on the device.
  HeadOutput room_for(std::span<const kernels::SampleRow> lines) const;
  /// Draws the lines from `first` on. logits: (lines, vocabulary) float32, overwritten.
  void draw(HeadOutput& out, int64_t first, const at::Tensor& logits,
            std::span<const kernels::SampleRow> lines) const;

 private:
  Backend& backend_;
};

}  // namespace weir::nn
