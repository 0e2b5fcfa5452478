#pragma once

#include <cstdint>
#include <vector>

#include "app/config.h"
#include "app/model_choice.h"
#include "weir/base/result.h"
#include "weir/engine/load.h"
#include "weir/serve/brownout.h"
#include "weir/serve/service.h"

namespace weir::app {

/// A model to serve and what its folder resolved to, before anything is loaded.
struct PlannedModel {
  ModelChoice choice;
  engine::LoadOptions load;
  engine::Description description;
};

serve::ModelKind kind_of(const engine::Description& description);

/// The brown-out's rules, held against the models. Errors: what is wrong with which rule.
Result<std::vector<serve::BrownoutRule>> brownout_rules(const Config& config,
                                                        const std::vector<PlannedModel>& models);

engine::LoadOptions load_options(const ModelChoice& choice, const Config& config);

/// Reads a model's folder, loads nothing. Errors: what is wrong with it, with the model's name.
Result<PlannedModel> plan_model(const ModelChoice& choice, const Config& config,
                                engine::DeviceKind device);

/// Prompt tokens at most of a step in which others decode: as configured, or what suits the device.
uint32_t chunk_tokens(const Config& config, engine::DeviceKind device);
/// And at least. Less than chunk_tokens() on a processor, where what suits a step depends on the
/// rows that decode; what is configured holds for every step.
uint32_t least_chunk_tokens(const Config& config, engine::DeviceKind device,
                            const engine::Description& description);

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

uint64_t weight_bytes(const std::vector<PlannedModel>& models);
uint64_t least_cache_bytes(const std::vector<PlannedModel>& models);

/// Gives each model that has a cache an equal part of `budget`.
void share_cache(std::vector<PlannedModel>& models, uint64_t budget);

}  // namespace weir::app
