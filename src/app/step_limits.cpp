#include "app/step_limits.h"

#include <algorithm>

namespace weir::app {
namespace {

StepLimits of_processor(const engine::Description& description) {
  return {.sequences = 64,
          .tokens = 2048,
          .least_chunk = description.costs.tokens_a_read,
          .most_chunk = 64};
}

StepLimits of_gpu(uint64_t free, const engine::Description& description) {
  // With a large vocabulary the logits of a row take half a megabyte. A small GPU needs that memory
  // for its cache.
  constexpr uint64_t kLargeGpu = uint64_t{64} << 30;
  const uint32_t rows = free >= kLargeGpu ? 1024 : 512, chunk = std::max(512u, rows);
  return {.sequences = rows,
          .tokens = description.shape.generates ? 8192u : 16384u,
          .least_chunk = chunk,
          .most_chunk = chunk};
}

}  // namespace

std::string to_string(const StepLimits& is) {
  const std::string least = std::to_string(is.least_chunk), most = std::to_string(is.most_chunk);
  return std::to_string(is.sequences) + " sequences, " + std::to_string(is.tokens) + " tokens, " +
         (least == most ? most : least + " to " + most) + " of prompts beside decodes";
}

StepLimits step_limits(const Config& config, const Hardware& hardware,
                       const engine::Description& description) {
  const bool gpu = hardware.device == engine::DeviceKind::cuda;
  StepLimits limits = gpu ? of_gpu(hardware.free, description) : of_processor(description);
  if (config.max_num_seqs > 0) {
    limits.sequences = config.max_num_seqs;
    if (gpu) limits.least_chunk = limits.most_chunk = std::max(512u, limits.sequences);
  }
  if (config.max_batch_tokens > 0) limits.tokens = config.max_batch_tokens;
  if (config.max_chunk_tokens > 0) limits.least_chunk = limits.most_chunk = config.max_chunk_tokens;
  return limits;
}

}  // namespace weir::app
