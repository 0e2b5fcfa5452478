#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/model_choice.h"
#include "app/step_limits.h"
#include "weir/base/result.h"
#include "weir/engine/load.h"
#include "weir/serve/brownout.h"
#include "weir/serve/served_model.h"
#include "weir/serve/service.h"

namespace weir::app {

/// A model to serve, with what its folder resolved to, before anything is loaded.
struct PlannedModel {
  ModelChoice choice;
  engine::LoadOptions load;
  engine::Description description;
  StepLimits step = {};  // set by set_step_limits()
};

/// A model that cannot be served, and why.
struct FailedModel {
  ModelChoice choice;
  Error reason;
};

/// All models before anything is loaded: the good ones and the failed ones.
struct Plans {
  std::vector<PlannedModel> good;
  std::vector<FailedModel> failed;
};

serve::Tasks tasks_of(const engine::Description& description);
inline bool is_encoder_decoder(const engine::Description& description) {
  return description.max_source > 0;
}
/// What the model's folder says of its two sides; none unless it is an encoder-decoder. Errors:
/// what is wrong with the folder.
Result<std::optional<serve::Encoder>> encoder_of(const std::string& directory,
                                                 const engine::Description& description);

/// A warning for each head that was made for shorter inputs than the model reads: `max_model_len`
/// tokens at once.
std::vector<std::string> warn_of_length(const std::vector<folder::HeadCard>& heads,
                                        uint32_t max_model_len);

/// The rules of the brown-out, checked against the models. Errors: the rule, and what is wrong with
/// it.
Result<std::vector<serve::BrownoutRule>> brownout_rules(const Config& config, const Plans& models);

engine::LoadOptions load_options(const ModelChoice& choice, const Config& config);

/// Reads a model's folder and loads nothing. Errors: what is wrong with the folder.
Result<PlannedModel> plan_model(const ModelChoice& choice, const Config& config,
                                engine::DeviceKind device);
Plans plan_models(const std::vector<ModelChoice>& choices, const Config& config,
                  engine::DeviceKind device);

/// Sets each model's step limits, also those in its LoadOptions.
void set_step_limits(std::vector<PlannedModel>& models, const Config& config,
                     const Hardware& hardware);

}  // namespace weir::app
