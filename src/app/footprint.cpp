#include "app/footprint.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace weir::app {
namespace {

uint64_t element_bytes(const engine::Description& is) { return is.dtype == "float32" ? 4 : 2; }

/// Embedding tables keep their type, and weights of products are packed. A tied head packs the
/// table once more.
uint64_t weights_of(const engine::Description& is) {
  if (is.numbers == 0) return 0;
  const auto words = static_cast<uint64_t>(is.shape.vocabulary * is.shape.hidden);
  const uint64_t positions =
      is.shape.generates ? 0 : static_cast<uint64_t>(is.shape.max_positions * is.shape.hidden);
  const uint64_t tables = std::min(is.numbers, words + positions);
  const uint64_t products = is.numbers - tables + (is.shape.tied ? words : 0);
  return tables * element_bytes(is) + products * is.costs.bits_a_weight / 8;
}

/// A tokenizer's tables take about seven times its file.
uint64_t text_of(const std::string& directory) {
  std::error_code failure;
  const auto bytes = std::filesystem::file_size(directory + "/tokenizer.json", failure);
  return failure ? 0 : 8 * static_cast<uint64_t>(bytes);
}

/// For each token ten rows of the hidden size are alive at a time, and those of all layers if a
/// tagger may read them. The allocator keeps blocks of other sizes for a while. A row of logits is
/// float32.
uint64_t step_of(const PlannedModel& model) {
  const nn::Shape& shape = model.description.shape;
  const uint64_t tokens =
      shape.generates ? model.load.max_batch_tokens
                      : std::max(model.load.max_batch_tokens, model.description.max_model_len);
  const auto hidden = static_cast<uint64_t>(shape.hidden);
  const uint64_t logits = shape.generates ? uint64_t{4} * model.load.max_sequences *
                                                static_cast<uint64_t>(shape.vocabulary)
                                          : 0;
  const bool tags = std::ranges::any_of(
      model.description.heads, [](const auto& head) { return head.task == folder::HeadTask::tag; });
  const uint64_t rows = 10 + (tags ? static_cast<uint64_t>(shape.layers) + 1 : 0);
  return 2 * rows * tokens * hidden * element_bytes(model.description) + logits;
}

}  // namespace

Footprint footprint(const std::vector<PlannedModel>& models, const Config& config) {
  constexpr uint64_t kProcess = uint64_t{32} << 20, kConnection = uint64_t{24} << 10;
  Footprint sum;
  for (const PlannedModel& model : models) {
    sum.weights += weights_of(model.description);
    sum.text += text_of(model.choice.directory);
    sum.states += model.description.slot_bytes * model.load.max_sequences;
    sum.step = std::max(sum.step, step_of(model));  // steps of different models take turns
  }
  sum.process = kProcess + kConnection * static_cast<uint64_t>(config.max_connections) +
                config.response_cache;
  return sum;
}

std::string to_string(const Footprint& is) {
  const auto mib = [](uint64_t bytes) { return std::to_string(bytes >> 20); };
  return "weights " + mib(is.weights) + ", tokenizers " + mib(is.text) + ", a step " +
         mib(is.step) + (is.states > 0 ? ", states " + mib(is.states) : "") +
         ", process and connections " + mib(is.process);
}

}  // namespace weir::app
