#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "app/config.h"
#include "app/footprint.h"
#include "app/plan.h"
#include "weir/base/cgroup.h"
#include "weir/base/result.h"

namespace weir::app {

/// The memory that can be shared, before anything is loaded.
struct MemoryAtHand {
  engine::DeviceKind device = engine::DeviceKind::cpu;
  uint64_t free = 0;     // bytes
  uint64_t weights = 0;  // bytes of all models' weights; 0: not known (random weights)
  uint64_t least = 0;    // bytes, so that each model's share holds one sequence of full length
};

/// Errors: unavailable, the weights alone are more than a GPU has free.
Result<void> check_weights_fit(const MemoryAtHand& memory);

/// Bytes for the keys and values of all models: the configured number, or one that follows from the
/// weights and the free memory.
uint64_t cache_budget(const Config& config, const MemoryAtHand& memory);

/// The sizes that the cache of a container may have, in bytes.
struct CacheWish {
  uint64_t least = 0, most = 0;
};

/// The cache that fits into a container's memory limit beside everything else. Errors: unavailable,
/// with the limit and the need: even the least cache does not fit.
Result<uint64_t> cache_within(const CgroupLimits::Memory& limit, const Footprint& others,
                              CacheWish wish);

uint64_t weight_bytes(const std::vector<PlannedModel>& models);
/// The bytes with which each model's share holds one sequence of the model's full length, or of
/// `tokens` if that is shorter.
uint64_t least_cache_bytes(const std::vector<PlannedModel>& models, uint32_t tokens = UINT32_MAX);

/// Gives each model that has a cache an equal part of `budget`.
void share_cache(std::vector<PlannedModel>& models, uint64_t budget);

/// Decides the sizes of the models' caches, from the settings, the free memory of `hardware` and,
/// on a processor, the container's limit. Returns the bytes of all caches. Errors: they do not fit.
Result<uint64_t> plan_memory(std::vector<PlannedModel>& models, const Config& config,
                             const Hardware& hardware, const CgroupLimits& limits);

}  // namespace weir::app
