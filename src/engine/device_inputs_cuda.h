#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <span>

#include "engine/runner_cuda.h"
#include "engine/step_inputs.h"
#include "weir/kernels/cuda_event.h"
#include "weir/kernels/cuda_ops.h"

namespace weir::engine {

/// A token that is still on the device: where it belongs in a step, and its line among the last
/// step's answers.
struct Carried {
  int32_t token = 0, line = 0;
};

/// The numbers of a step on the device, each array always at the same place: graphs read them
/// there.
class DeviceInputs {
 public:
  /// Of the greatest step; `pages` and `source_pages`: of the longest sequence and source; `types`
  /// and `source_tokens`: tokens, or 0 in a model that has no such.
  struct Sizes {
    int64_t rows = 0, tokens = 0, pages = 0, types = 0, source_tokens = 0, source_pages = 0;
  };
  DeviceInputs(const Sizes& sizes, at::Device device);

  /// Queues one copy of everything on the current stream. Throws std::runtime_error for a step that
  /// is too great.
  void upload(const StepInputs& step, std::span<const Carried> carried);

  int32_t* ids() const { return at(kIds); }
  kernels::SampledPlaces carried() const {
    return {at(kCarriedTokens), at(kCarriedLines), carried_};
  }
  /// What a trunk reads on the device. Host arrays are those of `step`, which was uploaded last.
  nn::Inputs inputs(const StepInputs& step) const;

 private:
  // Page ids come last: the copy ends with the last that is used.
  enum Array {
    kIds,
    kPositions,
    kQBegin,
    kKvLength,
    kPageBegin,
    kTypes,
    kCarriedTokens,
    kCarriedLines,
    kSourceIds,
    kSourcePositions,
    kEncodeQBegin,
    kEncodeKvLength,
    kEncodePageBegin,
    kSourcesKvLength,
    kSourcesPageBegin,
    kEncodePageIds,
    kSourcesPageIds,
    kPageIds,
    kArrays
  };
  /// Where the arrays of a Ragged are.
  struct Arrays {
    Array q_begin, kv_length, page_begin, page_ids, positions;
  };
  struct Staging {
    at::Tensor memory;  // pinned
    kernels::CudaEvent copied;
  };
  int32_t* at(Array array) const { return device_.mutable_data_ptr<int32_t>() + first_[array]; }
  void put(Staging& staging, Array array, std::span<const int32_t> numbers);
  kernels::Ragged there(kernels::Ragged here, const Arrays& arrays) const;

  std::array<int64_t, kArrays + 1> first_{};
  at::Tensor device_;
  std::array<Staging, 2> staging_;
  size_t now_ = 0;
  int32_t carried_ = 0;
};

}  // namespace weir::engine
