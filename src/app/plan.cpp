#include "app/plan.h"

#include "weir/arch/table.h"

namespace weir::app {
namespace {

engine::DType dtype_of(const std::string& word) {
  if (word == "float32") return engine::DType::float32;
  if (word == "bfloat16") return engine::DType::bfloat16;
  return engine::DType::automatic;
}

}  // namespace

engine::LoadOptions load_options(const ModelChoice& choice, const Config& config) {
  return {.directory = choice.directory,
          .dtype = dtype_of(choice.dtype),
          .max_model_len = choice.max_model_len,
          .page_size = config.page_size,
          .dummy = config.load_format == "dummy"};
}

Result<PlannedModel> plan_model(const ModelChoice& choice, const Config& config,
                                engine::DeviceKind device) {
  PlannedModel model{choice, load_options(choice, config), {}};
  auto description = engine::describe(model.load, arch::table(), device);
  if (!description) return invalid("model " + choice.name + ": " + description.error().message);
  model.description = std::move(*description);
  return model;
}

serve::ModelKind kind_of(const engine::Description& description) {
  return description.shape.generates ? serve::ModelKind::generate : serve::ModelKind::embed;
}

Result<std::vector<serve::BrownoutRule>> brownout_rules(const Config& config,
                                                        const std::vector<PlannedModel>& models) {
  std::vector<serve::BrownoutModel> served;
  for (const PlannedModel& model : models)
    served.push_back({model.choice.name, kind_of(model.description)});
  auto rules = serve::parse_brownout(config.brownout, served);
  if (!rules) rules.error().message = "brownout: " + rules.error().message;
  return rules;
}

void set_step_limits(std::vector<PlannedModel>& models, const Config& config, const Place& place) {
  for (PlannedModel& model : models) {
    model.step = step_limits(config, place, model.description);
    model.load.max_sequences = model.step.sequences;
    model.load.max_batch_tokens = model.step.tokens;
  }
}

}  // namespace weir::app
