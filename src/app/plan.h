#pragma once

#include <cstdint>
#include <vector>

#include "app/config.h"
#include "app/model_choice.h"
#include "app/step_limits.h"
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
  StepLimits step = {};  // by set_step_limits()
};

/// A model that cannot be served, and why.
struct FailedModel {
  ModelChoice choice;
  Error reason;
};

/// What became of all models before anything is loaded.
struct Plans {
  std::vector<PlannedModel> good;
  std::vector<FailedModel> failed;
};

serve::Tasks tasks_of(const engine::Description& description);

/// The brown-out's rules, held against the models. Errors: what is wrong with which rule.
Result<std::vector<serve::BrownoutRule>> brownout_rules(const Config& config, const Plans& models);

engine::LoadOptions load_options(const ModelChoice& choice, const Config& config);

/// Reads a model's folder, loads nothing. Errors: what is wrong with it.
Result<PlannedModel> plan_model(const ModelChoice& choice, const Config& config,
                                engine::DeviceKind device);
Plans plan_models(const std::vector<ModelChoice>& choices, const Config& config,
                  engine::DeviceKind device);

/// Fills in each model's step limits, also those of its LoadOptions.
void set_step_limits(std::vector<PlannedModel>& models, const Config& config,
                     const Hardware& hardware);

}  // namespace weir::app
