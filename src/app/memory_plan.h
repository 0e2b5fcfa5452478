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

/// What there is to share before anything is loaded.
struct MemoryAtHand {
  engine::DeviceKind device = engine::DeviceKind::cpu;
  uint64_t free = 0;     // bytes
  uint64_t weights = 0;  // bytes of all models' weights; 0: not known (random ones)
  uint64_t least = 0;    // bytes with which each model's share holds one sequence of full length
};

/// Errors: unavailable, the weights alone are more than a GPU has free.
Result<void> check_weights_fit(const MemoryAtHand& memory);

/// Bytes for the keys and values of all models: as configured, or what suits the weights and what
/// is free.
uint64_t cache_budget(const Config& config, const MemoryAtHand& memory);

/// What the cache of a container may be, in bytes.
struct CacheWish {
  uint64_t least = 0, most = 0;
};

/// The cache that fits a container's memory limit beside everything else. Errors: unavailable, even
/// the least does not fit; with the limit and the need.
Result<uint64_t> cache_within(const CgroupLimits::Memory& limit, const Footprint& others,
                              CacheWish wish);

uint64_t weight_bytes(const std::vector<PlannedModel>& models);
/// Bytes with which the share of each model holds one sequence as long as it takes, of at most
/// `tokens`.
uint64_t least_cache_bytes(const std::vector<PlannedModel>& models, uint32_t tokens = UINT32_MAX);

/// Gives each model that has a cache an equal part of `budget`.
void share_cache(std::vector<PlannedModel>& models, uint64_t budget);

/// Decides how large the models' caches are, from the settings, what `hardware` has free and, on a
/// processor, the container's limit. Returns the bytes of all. Errors: they do not fit.
Result<uint64_t> plan_memory(std::vector<PlannedModel>& models, const Config& config,
                             const Hardware& hardware, const CgroupLimits& limits);

}  // namespace weir::app
