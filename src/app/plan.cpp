#include "app/plan.h"

#include <algorithm>

#include "weir/arch/table.h"

namespace weir::app {
namespace {

engine::DType dtype_of(const std::string& word) {
  if (word == "float32") return engine::DType::float32;
  if (word == "bfloat16") return engine::DType::bfloat16;
  return engine::DType::automatic;
}

bool has_cache(const PlannedModel& model) { return model.description.page_bytes > 0; }

}  // namespace

engine::LoadOptions load_options(const ModelChoice& choice, const Config& config) {
  return {.directory = choice.directory,
          .dtype = dtype_of(choice.dtype),
          .max_model_len = choice.max_model_len,
          .max_sequences = config.max_num_seqs,
          .max_batch_tokens = config.max_batch_tokens,
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

uint32_t chunk_tokens(const Config& config, engine::DeviceKind device) {
  if (config.max_chunk_tokens > 0) return config.max_chunk_tokens;
  return device == engine::DeviceKind::cuda ? 512 : 64;
}

uint32_t least_chunk_tokens(const Config& config, engine::DeviceKind device,
                            const engine::Description& description) {
  const bool fixed = config.max_chunk_tokens > 0 || device == engine::DeviceKind::cuda;
  return fixed ? chunk_tokens(config, device) : description.costs.tokens_a_read;
}

uint64_t weight_bytes(const std::vector<PlannedModel>& models) {
  uint64_t sum = 0;
  for (const PlannedModel& model : models) sum += model.description.weight_bytes;
  return sum;
}

uint64_t least_cache_bytes(const std::vector<PlannedModel>& models) {
  uint64_t sharers = 0, longest = 0;
  for (const PlannedModel& model : models) {
    if (!has_cache(model)) continue;
    ++sharers;
    const uint64_t size = model.load.page_size;
    const uint64_t pages = (model.description.max_model_len + size - 1) / size;
    longest = std::max(longest, pages * model.description.page_bytes);
  }
  return sharers * longest;
}

Result<void> check_weights_fit(const MemoryAtHand& memory) {
  if (memory.device != engine::DeviceKind::cuda || memory.weights < memory.free) return {};
  return Error{.code = Code::unavailable,
               .message = "the models' weights have " + std::to_string(memory.weights >> 20) +
                          " MiB; the GPU has " + std::to_string(memory.free >> 20) + " MiB free"};
}

uint64_t cache_budget(const Config& config, const MemoryAtHand& memory) {
  if (config.memory > 0) return config.memory;
  // A GPU serves nothing but us; weights of unknown size are given half of it.
  if (memory.device == engine::DeviceKind::cuda) {
    const uint64_t usable = memory.free / 10 * 9;
    return memory.weights == 0 ? usable / 2 : usable - std::min(usable, memory.weights);
  }
  // Main memory others use too. A cached prefix stays until its page is needed, so the whole cache
  // is filled in time: its size follows the model's.
  constexpr uint64_t kLeast = uint64_t{256} << 20, kMost = uint64_t{4} << 30;
  const uint64_t wanted = memory.weights == 0 ? kMost : memory.weights / 8 * 9;
  const uint64_t least = std::clamp(memory.least, kLeast, kMost);
  return std::min(std::clamp(wanted, least, kMost), memory.free / 4);
}

void share_cache(std::vector<PlannedModel>& models, uint64_t budget) {
  auto sharers = static_cast<uint64_t>(std::count_if(models.begin(), models.end(), has_cache));
  for (PlannedModel& model : models) {
    if (has_cache(model)) model.load.cache_bytes = std::max<uint64_t>(1, budget / sharers);
  }
}

}  // namespace weir::app
