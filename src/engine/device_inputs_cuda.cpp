#include "engine/device_inputs_cuda.h"

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>

namespace weir::engine {
namespace {

constexpr const char* kNames[] = {
    "tokens",       "positions",    "rows",    "rows",          "rows",
    "types",        "rows",         "rows",    "source tokens", "source positions",
    "sources",      "sources",      "sources", "rows",          "rows",
    "source pages", "source pages", "pages"};

}  // namespace

DeviceInputs::DeviceInputs(const Sizes& sizes, at::Device device) {
  const int64_t rows = sizes.rows, tokens = sizes.tokens, source_tokens = sizes.source_tokens,
                source_pages = rows * sizes.source_pages;
  const int64_t lengths[] = {
      tokens,   tokens, rows + 1,      rows,          rows + 1,     sizes.types,
      rows,     rows,   source_tokens, source_tokens, rows + 1,     rows,
      rows + 1, rows,   rows + 1,      source_pages,  source_pages, rows * sizes.pages};
  static_assert(std::size(lengths) == kArrays && std::size(kNames) == kArrays);
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
  put(staging, kIds, step.own.ids);
  put(staging, kPositions, step.own.positions);
  put(staging, kQBegin, step.own.q_begin);
  put(staging, kKvLength, step.own.kv_length);
  put(staging, kPageBegin, step.own.page_begin);
  put(staging, kTypes, step.types);
  put(staging, kCarriedTokens, tokens);
  put(staging, kCarriedLines, lines);
  put(staging, kSourceIds, step.encode.ids);
  put(staging, kSourcePositions, step.encode.positions);
  put(staging, kEncodeQBegin, step.encode.q_begin);
  put(staging, kEncodeKvLength, step.encode.kv_length);
  put(staging, kEncodePageBegin, step.encode.page_begin);
  put(staging, kEncodePageIds, step.encode.page_ids);
  put(staging, kSourcesKvLength, step.sources.kv_length);
  put(staging, kSourcesPageBegin, step.sources.page_begin);
  put(staging, kSourcesPageIds, step.sources.page_ids);
  put(staging, kPageIds, step.own.page_ids);
  carried_ = static_cast<int32_t>(carried.size());
  auto stream = c10::cuda::getCurrentCUDAStream();
  size_t bytes =
      (static_cast<size_t>(first_[kPageIds]) + step.own.page_ids.size()) * sizeof(int32_t);
  C10_CUDA_CHECK(cudaMemcpyAsync(device_.mutable_data_ptr(), staging.memory.const_data_ptr(), bytes,
                                 cudaMemcpyHostToDevice, stream.stream()));
  staging.copied.record(stream.stream());
}

kernels::Ragged DeviceInputs::there(kernels::Ragged here, const Arrays& arrays) const {
  here.q_begin = at(arrays.q_begin);
  here.kv_length = at(arrays.kv_length);
  here.page_begin = at(arrays.page_begin);
  here.page_ids = at(arrays.page_ids);
  here.positions = at(arrays.positions);
  return here;
}

nn::Inputs DeviceInputs::inputs(const StepInputs& step) const {
  nn::Inputs inputs = step.inputs();
  inputs.ids = ids();
  if (inputs.types) inputs.types = at(kTypes);
  inputs.ragged = there(inputs.ragged, {kQBegin, kKvLength, kPageBegin, kPageIds, kPositions});
  inputs.encode.ids = at(kSourceIds);
  inputs.encode.ragged =
      there(inputs.encode.ragged,
            {kEncodeQBegin, kEncodeKvLength, kEncodePageBegin, kEncodePageIds, kSourcePositions});
  inputs.sources = there(
      inputs.sources, {kQBegin, kSourcesKvLength, kSourcesPageBegin, kSourcesPageIds, kPositions});
  return inputs;
}

}  // namespace weir::engine
