#include "engine/load_cuda.h"

#include <c10/cuda/CUDACachingAllocator.h>

#include <algorithm>

#include "engine/model_state.h"
#include "engine/runner_cuda.h"
#include "engine/warm_up.h"

namespace weir::engine {
namespace {

using ModelPtr = std::shared_ptr<const nn::Model>;

std::unique_ptr<schedule::Runner> warm_runner(ModelPtr model, const CudaLoad& load,
                                              const schedule::ModelSpec& spec) {
  // Steps are filled up with rows that nobody asked for: they write to a page of their own.
  ModelState state(model->shape,
                   {.pages = spec.pages + 1, .page_size = spec.page_size, .slots = spec.slots},
                   at::TensorOptions().dtype(load.type).device(load.device.backend().device()));
  const StepLimits limits{load.options.max_sequences, load.options.max_batch_tokens};
  auto runner = make_cuda_runner(spec, std::move(model), std::move(state), limits, load.device);
  const auto steps = warm_up_steps(spec, limits.max_sequences, limits.max_batch_tokens);
  if (auto warm = warm_up(*runner, steps, load.progress); !warm) {
    if (runner->lost()) static_cast<void>(runner.release());  // what it holds cannot be freed
    throw nn::LoadError("warming up: " + warm.error().message);
  }
  return runner;
}

uint64_t cache_after_warm_up(const ModelPtr& model, const CudaLoad& load) {
  const uint64_t page = *ModelState::page_bytes(model->shape, load.options.page_size, load.type);
  const uint64_t pages =
      std::min<uint64_t>(load.spec(0).max_tokens, load.options.max_batch_tokens) /
          load.options.page_size +
      1;
  auto trial = warm_runner(model, load, load.spec(pages * page));
  const uint64_t free = load.device.free_memory() + pages * page;
  trial.reset();
  c10::cuda::CUDACachingAllocator::emptyCache();
  return std::max<uint64_t>(1, load.options.left_over->part_of(free));
}

}  // namespace

std::unique_ptr<schedule::Runner> load_cuda_runner(nn::Model model, const CudaLoad& load) {
  const auto shared = std::make_shared<const nn::Model>(std::move(model));
  const bool asked = load.options.left_over && shared->shape.remembers.pages;
  const uint64_t bytes = asked ? cache_after_warm_up(shared, load) : load.options.cache_bytes;
  return warm_runner(shared, load, load.spec(bytes));
}

}  // namespace weir::engine
