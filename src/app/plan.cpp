#include "app/plan.h"

#include "weir/arch/table.h"
#include "weir/base/excerpt.h"

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
          .heads = choice.heads,
          .dtype = dtype_of(choice.dtype),
          .max_model_len = choice.max_model_len,
          .page_size = config.page_size,
          .dummy = config.load_format == "dummy"};
}

Result<PlannedModel> plan_model(const ModelChoice& choice, const Config& config,
                                engine::DeviceKind device) {
  if (auto folder = check_folder(choice); !folder) return folder.error();
  PlannedModel model{choice, load_options(choice, config), {}};
  auto description = engine::describe(model.load, arch::table(), device);
  if (!description) return description.error();
  model.description = std::move(*description);
  return model;
}

Plans plan_models(const std::vector<ModelChoice>& choices, const Config& config,
                  engine::DeviceKind device) {
  Plans plans;
  for (const ModelChoice& choice : choices) {
    auto model = plan_model(choice, config, device);
    if (model)
      plans.good.push_back(*std::move(model));
    else
      plans.failed.push_back({choice, std::move(model.error())});
  }
  return plans;
}

serve::Tasks tasks_of(const engine::Description& description) {
  return serve::Tasks(description.heads);
}

Result<std::optional<serve::Encoder>> encoder_of(const std::string& directory,
                                                 const engine::Description& description) {
  if (!is_encoder_decoder(description)) return std::optional<serve::Encoder>();
  auto encoder = serve::load_encoder(directory, description.max_source,
                                     static_cast<int32_t>(description.shape.vocabulary));
  if (!encoder) return encoder.error();
  return std::optional(*encoder);
}

std::vector<std::string> warn_of_length(const std::vector<folder::HeadCard>& heads,
                                        uint32_t max_model_len) {
  std::vector<std::string> warnings;
  for (const folder::HeadCard& head : heads)
    if (head.max_tokens.value_or(max_model_len) < max_model_len)
      warnings.push_back("head " + excerpt(head.name) + " was made for inputs of at most " +
                         std::to_string(*head.max_tokens) + " tokens; the model reads " +
                         std::to_string(max_model_len) + " at once");
  return warnings;
}

Result<std::vector<serve::BrownoutRule>> brownout_rules(const Config& config, const Plans& models) {
  std::vector<serve::BrownoutModel> served;
  for (const PlannedModel& model : models.good)
    served.push_back({.name = model.choice.name,
                      .tasks = tasks_of(model.description),
                      .encoder_decoder = is_encoder_decoder(model.description)});
  for (const FailedModel& model : models.failed)
    served.push_back({.name = model.choice.name, .tasks = std::nullopt});
  auto rules = serve::parse_brownout(config.brownout, served);
  if (!rules) rules.error().message = "brownout: " + rules.error().message;
  return rules;
}

void set_step_limits(std::vector<PlannedModel>& models, const Config& config,
                     const Hardware& hardware) {
  for (PlannedModel& model : models) {
    model.step = step_limits(config, hardware, model.description);
    model.load.max_sequences = model.step.sequences;
    model.load.max_batch_tokens = model.step.tokens;
  }
}

}  // namespace weir::app
