#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "fakes/fake_clock.h"
#include "serve/prompts.h"
#include "serve/task.h"
#include "weir/serve/service.h"

/// Requests in the words of the API's routes, which tests write more shortly than an Ask.
namespace weir::serve {

using Prompt = std::variant<std::string, std::vector<int32_t>>;

struct ChatRequest {
  std::string model;
  std::string messages, tools, template_kwargs;
  bool add_generation_prompt = true;
  Sampling sampling;
};
struct CompletionRequest {
  std::string model;
  std::vector<Prompt> prompts;
  bool add_special_tokens = true;
  bool echo = false;
  Sampling sampling;
  bool listed = false;
  std::optional<Prompt> decoder_prompt = {};
};
struct EmbeddingRequest {
  std::string model;
  std::vector<Prompt> inputs;
  std::optional<uint32_t> dimensions;
  std::optional<uint32_t> truncate_prompt_tokens;
  bool truncate = false;
  bool listed = false;
};
struct Embeddings {
  std::string model;
  std::vector<Vector> vectors;
  Usage usage;
};

inline Input input_of(const Prompt& prompt, bool add_special = true) {
  if (const auto* ids = std::get_if<std::vector<int32_t>>(&prompt)) return *ids;
  return Text{.text = std::get<std::string>(prompt), .add_special = add_special};
}
inline std::vector<Input> inputs_of(const std::vector<Prompt>& prompts, bool add_special = true) {
  std::vector<Input> inputs;
  for (const Prompt& prompt : prompts) inputs.push_back(input_of(prompt, add_special));
  return inputs;
}

inline Ask ask_of(const ChatRequest& request) {
  return {.model = request.model,
          .inputs = {Chat{.messages = request.messages,
                          .tools = request.tools,
                          .template_kwargs = request.template_kwargs,
                          .add_generation_prompt = request.add_generation_prompt}},
          .options = Generate{.sampling = request.sampling}};
}
inline Ask ask_of(const CompletionRequest& request) {
  Generate generate{.sampling = request.sampling, .echo = request.echo};
  if (request.decoder_prompt) generate.decoder_prompt = input_of(*request.decoder_prompt);
  return {.model = request.model,
          .inputs = inputs_of(request.prompts, request.add_special_tokens),
          .options = std::move(generate),
          .listed = request.listed};
}
inline Ask ask_of(const EmbeddingRequest& request) {
  return {.model = request.model,
          .inputs = inputs_of(request.inputs),
          .options = Embed{.dimensions = request.dimensions,
                           .truncation = {.truncate = request.truncate,
                                          .tokens = request.truncate_prompt_tokens}},
          .listed = request.listed};
}

inline Result<std::vector<int32_t>> completion_prompt(const ModelCard& model, const Prompt& prompt,
                                                      bool add_special, const std::string& name) {
  return completion_prompt(model, input_of(prompt, add_special), name);
}
/// As /v1/embeddings reads it.
inline Result<std::vector<int32_t>> embedding_input(const ModelCard& model, const Prompt& prompt,
                                                    const EmbeddingRequest& request,
                                                    const std::string& name) {
  const Input input = input_of(prompt);
  const Truncation truncation{.truncate = request.truncate,
                              .tokens = request.truncate_prompt_tokens};
  const bool is_text = std::holds_alternative<Text>(input);
  auto typed = tokens_to_read(model, {.input = input,
                                      .truncation = truncation,
                                      .name = name,
                                      .prefix = is_text ? model.text.prompt.text : ""});
  if (!typed) return typed.error();
  return std::move(typed->ids);
}

template <class Request>
Result<std::vector<RequestRow>> rows_of(const ReadyModel& model, const Request& request) {
  const Ask ask = ask_of(request);
  const fakes::FakeClock clock;
  StillWanted wanted({}, clock);
  return task_of(ask.options).rows(model, ask, wanted);
}

/// What a model's only head gives.
inline work::Readings readings_of(std::vector<float> values) {
  const auto columns = static_cast<uint32_t>(values.size());
  return {.heads = {{.columns = columns, .values = std::move(values)}}};
}

/// Waits for the vectors.
inline Result<Embeddings> vectors_of(Result<std::unique_ptr<Generation>> started,
                                     const Caller& caller) {
  if (!started) return started.error();
  auto answers = wait_for_answers(**started, caller.gone);
  if (!answers) return answers.error();
  Embeddings embeddings{.model = (*started)->model(), .vectors = {}, .usage = (*started)->usage()};
  for (const Answer& answer : **answers) embeddings.vectors.push_back(std::get<Vector>(answer));
  return embeddings;
}

}  // namespace weir::serve
