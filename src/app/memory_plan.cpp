#include "app/memory_plan.h"

#include <algorithm>
#include <string>

namespace weir::app {
namespace {

bool has_cache(const PlannedModel& model) { return model.description.page_bytes > 0; }

std::string mib(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

/// Replaces the estimate: a model takes what its warm-up leaves free. A twentieth stays free for
/// what steps do not show. For each model that is loaded later, its weights and the memory of a
/// step stay free.
void share_left_over(std::vector<PlannedModel>& models, const Hardware& hardware) {
  constexpr uint64_t kStep = uint64_t{2} << 30;
  uint64_t reserve = hardware.free / 20;
  uint32_t sharers = 0;
  for (auto model = models.rbegin(); model != models.rend(); ++model) {
    if (has_cache(*model)) model->load.left_over = {.reserve = reserve, .sharers = ++sharers};
    reserve += model->description.weight_bytes + kStep;
  }
}

}  // namespace

uint64_t weight_bytes(const std::vector<PlannedModel>& models) {
  uint64_t sum = 0;
  for (const PlannedModel& model : models) sum += model.description.weight_bytes;
  return sum;
}

uint64_t least_cache_bytes(const std::vector<PlannedModel>& models, uint32_t tokens) {
  uint64_t sharers = 0, longest = 0;
  for (const PlannedModel& model : models) {
    if (!has_cache(model)) continue;
    ++sharers;
    const uint64_t size = model.load.page_size;
    const auto pages_of = [&](uint32_t most) { return (std::min(tokens, most) + size - 1) / size; };
    const uint64_t pages =
        pages_of(model.description.max_model_len) + pages_of(model.description.max_source);
    longest = std::max(longest, pages * model.description.page_bytes);
  }
  return sharers * longest;
}

Result<void> check_weights_fit(const MemoryAtHand& memory) {
  if (memory.device != engine::DeviceKind::cuda || memory.weights < memory.free) return {};
  return Error{.code = Code::unavailable,
               .message = "the models' weights have " + mib(memory.weights) + "; the GPU has " +
                          mib(memory.free) + " free"};
}

uint64_t cache_budget(const Config& config, const MemoryAtHand& memory) {
  if (config.memory > 0) return config.memory;
  // A GPU is used by weir alone. Weights of unknown size get half of it.
  if (memory.device == engine::DeviceKind::cuda) {
    const uint64_t usable = memory.free / 10 * 9;
    return memory.weights == 0 ? usable / 2 : usable - std::min(usable, memory.weights);
  }
  // Other programs use main memory too. A cached prefix stays until its page is needed, so the
  // whole cache becomes filled in time. So its size follows the model's size.
  constexpr uint64_t kLeast = uint64_t{256} << 20, kMost = uint64_t{4} << 30;
  const uint64_t wanted = memory.weights == 0 ? kMost : memory.weights / 8 * 9;
  const uint64_t least = std::clamp(memory.least, kLeast, kMost);
  return std::min(std::clamp(wanted, least, kMost), memory.free / 4);
}

Result<uint64_t> cache_within(const CgroupLimits::Memory& limit, const Footprint& others,
                              CacheWish wish) {
  const uint64_t taken = limit.used + others.all();
  if (taken + wish.least <= limit.limit) return std::min(wish.most, limit.limit - taken);
  return Error{.code = Code::unavailable,
               .message = "the container's memory limit is " + mib(limit.limit) +
                          "; serving these models takes " + mib(taken + wish.least) +
                          " (MiB: in use before " + std::to_string(limit.used >> 20) + ", " +
                          to_string(others) + ", keys and values " +
                          std::to_string(wish.least >> 20) + ")"};
}

void share_cache(std::vector<PlannedModel>& models, uint64_t budget) {
  auto sharers = static_cast<uint64_t>(std::count_if(models.begin(), models.end(), has_cache));
  for (PlannedModel& model : models) {
    if (has_cache(model)) model.load.cache_bytes = std::max<uint64_t>(1, budget / sharers);
  }
}

Result<uint64_t> plan_memory(std::vector<PlannedModel>& models, const Config& config,
                             const Hardware& hardware, const CgroupLimits& limits) {
  constexpr uint32_t kShortSequence = 2048;  // tokens; an ordinary chat fits
  const MemoryAtHand memory{.device = hardware.device,
                            .free = hardware.free,
                            .weights = weight_bytes(models),
                            .least = least_cache_bytes(models)};
  if (auto fit = check_weights_fit(memory); !fit) return fit.error();
  uint64_t budget = cache_budget(config, memory);
  if (limits.memory && hardware.device == engine::DeviceKind::cpu) {
    const bool cached = std::any_of(models.begin(), models.end(), has_cache);
    const uint64_t least =
        config.memory > 0 ? config.memory : least_cache_bytes(models, kShortSequence);
    const CacheWish wish = cached ? CacheWish{std::min(least, budget), budget} : CacheWish{};
    auto within = cache_within(*limits.memory, footprint(models, config), wish);
    if (!within) return within.error();
    budget = cached ? *within : 0;
  }
  share_cache(models, budget);
  if (hardware.device == engine::DeviceKind::cuda && config.memory == 0)
    share_left_over(models, hardware);
  return budget;
}

}  // namespace weir::app
