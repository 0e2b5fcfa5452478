#include "engine/device_inputs_cuda.h"

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace weir::engine {
namespace {

constexpr const char* kNames[] = {"tokens", "positions", "rows", "rows", "rows",
                                  "types",  "rows",      "rows", "pages"};

}  // namespace

DeviceInputs::DeviceInputs(const Sizes& sizes, at::Device device) {
  const auto [rows, tokens, pages, types] = sizes;
  const int64_t lengths[] = {tokens, tokens, rows + 1, rows,        rows + 1,
                             types,  rows,   rows,     rows * pages};
  for (size_t i = 0; i < kArrays; ++i) first_[i + 1] = first_[i] + (lengths[i] + 3) / 4 * 4;
  auto ints = at::TensorOptions().dtype(at::kInt);
  device_ = at::empty({first_[kArrays]}, ints.device(device));
  for (Staging& staging : staging_)
    staging.memory = at::empty({first_[kArrays]}, ints.pinned_memory(true));
}

void DeviceInputs::put(Staging& staging, Array array, std::span<const int32_t> numbers) {
  int64_t room = first_[array + 1] - first_[array];
  if (static_cast<int64_t>(numbers.size()) > room)
    throw std::runtime_error("the step has " + std::to_string(numbers.size()) + " " +
                             kNames[array] + "; the runner takes " + std::to_string(room));
  std::copy(numbers.begin(), numbers.end(),
            staging.memory.mutable_data_ptr<int32_t>() + first_[array]);
}

void DeviceInputs::upload(const StepInputs& step, std::span<const Carried> carried) {
  now_ = 1 - now_;
  Staging& staging = staging_[now_];
  staging.copied.wait();
  std::vector<int32_t> tokens, lines;
  for (const Carried& one : carried) {
    tokens.push_back(one.token);
    lines.push_back(one.line);
  }
  put(staging, kIds, step.ids);
  put(staging, kPositions, step.positions);
  put(staging, kQBegin, step.q_begin);
  put(staging, kKvLength, step.kv_length);
  put(staging, kPageBegin, step.page_begin);
  put(staging, kTypes, step.types);
  put(staging, kCarriedTokens, tokens);
  put(staging, kCarriedLines, lines);
  put(staging, kPageIds, step.page_ids);
  carried_ = static_cast<int32_t>(carried.size());
  auto stream = c10::cuda::getCurrentCUDAStream();
  size_t bytes = (static_cast<size_t>(first_[kPageIds]) + step.page_ids.size()) * sizeof(int32_t);
  C10_CUDA_CHECK(cudaMemcpyAsync(device_.mutable_data_ptr(), staging.memory.const_data_ptr(), bytes,
                                 cudaMemcpyHostToDevice, stream.stream()));
  staging.copied.record(stream.stream());
}

kernels::Ragged DeviceInputs::ragged(const StepInputs& step) const {
  kernels::Ragged view = step.ragged();
  view.q_begin = at(kQBegin);
  view.kv_length = at(kKvLength);
  view.page_begin = at(kPageBegin);
  view.page_ids = at(kPageIds);
  view.positions = at(kPositions);
  return view;
}

}  // namespace weir::engine
