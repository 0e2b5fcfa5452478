#include "prepare.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "logit_changes.h"
#include "prompts.h"
#include "sampling.h"
#include "weir/base/error_name.h"

namespace weir::serve {
namespace {

constexpr uint32_t kCompletionTokens = 16;  // OpenAI's default of /v1/completions

/// "prompt" for one that stands alone, "prompt[2]" for one of a list.
std::string field(const char* name, size_t index, bool listed) {
  return listed ? std::string(name) + '[' + std::to_string(index) + ']' : std::string(name);
}

template <class Request>
bool is_list(const Request& request, const std::vector<Prompt>& prompts) {
  return request.listed || prompts.size() > 1;
}

/// Of a request that does not say.
uint32_t longest_answer(const LoadedModel& model) {
  return model.text.defaults.max_new_tokens.value_or(std::numeric_limits<uint32_t>::max());
}

Result<void> check_dimensions(const LoadedModel& model, const EmbeddingRequest& request) {
  const uint32_t size = model.text.vector_size;
  if (!request.dimensions) return {};
  if (*request.dimensions > 0 && (size == 0 || *request.dimensions <= size)) return {};
  return invalid(
      "dimensions is " + std::to_string(*request.dimensions) + "; this model's vectors have " +
          std::to_string(size),
      "dimensions",
      *request.dimensions == 0 ? error_name::kIntegerBelowMin : error_name::kIntegerAboveMax);
}

Extent extent_of(const LoadedModel& model, const std::vector<Prompt>& prompts, int64_t most) {
  Extent extent{.rows = prompts.size()};
  for (const Prompt& prompt : prompts) {
    int64_t tokens = 0;
    if (const auto* ids = std::get_if<std::vector<int32_t>>(&prompt)) {
      extent.bytes += ids->size() * sizeof(int32_t);
      tokens = static_cast<int64_t>(ids->size());
    } else {
      const size_t bytes = std::get<std::string>(prompt).size();
      extent.bytes += bytes;
      if (model.text.longest_piece_bytes)
        tokens = static_cast<int64_t>(bytes / *model.text.longest_piece_bytes);
    }
    extent.least_tokens += std::min(tokens, most);
  }
  return extent;
}

/// The text of one prompt, as it was given or as its ids say; those past the tokenizer's say
/// nothing.
Result<std::string> echo_of(const LoadedModel& model, const Prompt& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) return *text;
  auto ids = std::get<std::vector<int32_t>>(prompt);
  const int32_t size = model.text.tokenizer->vocabulary_size();
  std::erase_if(ids, [&](int32_t id) { return id >= size; });
  return model.text.tokenizer->decode(ids, false);
}

/// As vLLM has it, the logprobs of an echo are those of prompt and completion.
Result<work::SamplingParams> params_of(const LoadedModel& model, const CompletionRequest& request) {
  auto params = check_sampling(request.sampling, model);
  if (!params || !request.echo || !params->logprobs) return params;
  params->prompt_logprobs = std::max(params->prompt_logprobs.value_or(0), *params->logprobs);
  return params;
}

Result<std::vector<std::string>> texts_of(const ReadyModel& model,
                                          const std::vector<Prompt>& prompts) {
  std::vector<std::string> texts;
  for (const Prompt& prompt : prompts) {
    if (const auto* text = std::get_if<std::string>(&prompt)) {
      texts.push_back(*text);
      continue;
    }
    auto text = model.loaded.text.tokenizer->decode(std::get<std::vector<int32_t>>(prompt), false);
    if (!text) return text.error();
    texts.push_back(*std::move(text));
  }
  return texts;
}

}  // namespace

Extent extent_of(const LoadedModel&, const ChatRequest& request) {
  // What the template drops, or adds, is not known.
  return {.rows = 1, .bytes = request.messages.size() + request.template_kwargs.size()};
}

Extent extent_of(const LoadedModel& model, const CompletionRequest& request) {
  return extent_of(model, request.prompts, std::numeric_limits<int64_t>::max());
}

Extent extent_of(const LoadedModel& model, const EmbeddingRequest& request) {
  return extent_of(model, request.inputs,
                   request.truncate_prompt_tokens.value_or(model.max_model_len));
}

size_t row_count(const ChatRequest&) { return 1; }
size_t row_count(const CompletionRequest& request) { return request.prompts.size(); }
size_t row_count(const EmbeddingRequest& request) { return request.inputs.size(); }

const char* rows_field(const ChatRequest&) { return "messages"; }
const char* rows_field(const CompletionRequest&) { return "prompt"; }
const char* rows_field(const EmbeddingRequest&) { return "input"; }

Result<std::vector<Row>> rows_of(const ReadyModel& model, const ChatRequest& request) {
  auto params = check_sampling(request.sampling, model.loaded);
  if (!params) return params.error();
  auto prompt = chat_prompt(model.served, model.loaded, request, true);
  if (!prompt) return prompt.error();
  auto limit = completion_limit(request.sampling,
                                std::max(longest_answer(model.loaded), request.sampling.min_tokens),
                                static_cast<uint32_t>(prompt->size()), model.loaded.max_model_len);
  if (!limit) return limit.error();
  if (auto told = check_prompt_logprobs(*params, prompt->size()); !told) return told.error();
  params->max_tokens = *limit;
  std::vector<Row> rows;
  rows.push_back({*std::move(prompt), *std::move(params)});
  return rows;
}

Result<std::vector<Row>> rows_of(const ReadyModel& model, const CompletionRequest& request) {
  if (request.prompts.empty()) return invalid("prompt is empty", "prompt", error_name::kEmptyArray);
  auto params = params_of(model.loaded, request);
  if (!params) return params.error();
  if (auto fits = check_copies(*params, request.prompts.size()); !fits) return fits.error();
  const uint64_t seed = params->seed;
  size_t tokens = 0;
  const bool echo_only = request.echo && request.sampling.max_tokens == 0U;
  std::vector<Row> rows;
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    auto prompt = completion_prompt(model.loaded, request.prompts[i], request.add_special_tokens,
                                    field("prompt", i, is_list(request, request.prompts)));
    if (!prompt) return prompt.error();
    auto limit =
        echo_only ? Result<uint32_t>(1U)
                  : completion_limit(
                        request.sampling, std::min(kCompletionTokens, longest_answer(model.loaded)),
                        static_cast<uint32_t>(prompt->size()), model.loaded.max_model_len);
    if (!limit) return limit.error();
    params->max_tokens = *limit;
    params->seed = seed + i;
    tokens += prompt->size();
    auto echo = request.echo ? echo_of(model.loaded, request.prompts[i]) : std::string();
    if (!echo) return echo.error();
    rows.push_back({*std::move(prompt), *params, *std::move(echo), echo_only});
  }
  if (auto told = check_prompt_logprobs(*params, tokens); !told) return told.error();
  return rows;
}

Result<std::vector<Row>> rows_of(const ReadyModel& model, const EmbeddingRequest& request) {
  if (request.inputs.empty()) return invalid("input is empty", "input", error_name::kEmptyArray);
  if (auto checked = check_dimensions(model.loaded, request); !checked) return checked.error();
  std::vector<Row> rows;
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    auto ids = embedding_input(model.loaded, request.inputs[i], request,
                               field("input", i, is_list(request, request.inputs)));
    if (!ids) return ids.error();
    const bool is_text = std::holds_alternative<std::string>(request.inputs[i]);
    const work::Read read{.left_out = is_text ? model.loaded.text.prompt.left_out : 0};
    rows.push_back({*std::move(ids), work::Reads{read}});
  }
  return rows;
}

Result<std::vector<std::string>> texts_of(const ReadyModel& model, const ChatRequest& request) {
  auto text = chat_text(model.served, model.loaded, request);
  if (!text) return text.error();
  return std::vector<std::string>{std::move(text->text)};
}

Result<std::vector<std::string>> texts_of(const ReadyModel& model,
                                          const CompletionRequest& request) {
  return texts_of(model, request.prompts);
}

Result<std::vector<std::string>> texts_of(const ReadyModel& model,
                                          const EmbeddingRequest& request) {
  auto texts = texts_of(model, request.inputs);
  if (!texts) return texts;
  for (size_t i = 0; i < texts->size(); ++i)
    if (std::holds_alternative<std::string>(request.inputs[i]))
      (*texts)[i] = model.loaded.text.prompt.text + (*texts)[i];
  return texts;
}

}  // namespace weir::serve
