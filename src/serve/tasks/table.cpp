#include <array>

#include "serve/task.h"

namespace weir::serve {
namespace {

// In the order of Options.
constexpr std::array<const Task*, std::variant_size_v<Options>> kTasks{
    &kGenerate, &kEmbed, &kClassify, &kTag, &kAnalyze};

bool is_chat(const Ask& ask) {
  return !ask.inputs.empty() && std::holds_alternative<Chat>(ask.inputs.front());
}

}  // namespace

const Task& task_of(const Options& options) { return *kTasks.at(options.index()); }

Needs needs_of(const Ask& ask) {
  return {.tasks = task_of(ask.options).needs(ask.options), .chat = is_chat(ask)};
}

std::string_view inputs_field(const Ask& ask) {
  return is_chat(ask) ? "messages" : task_of(ask.options).field;
}

std::string field_of(const Ask& ask, size_t index) {
  std::string field(inputs_field(ask));
  return ask.listed || ask.inputs.size() > 1 ? field + '[' + std::to_string(index) + ']' : field;
}

Error with_field(std::string_view field, Error error) {
  if (error.code == Code::invalid_argument && error.param.empty()) error.param = field;
  return error;
}

}  // namespace weir::serve
