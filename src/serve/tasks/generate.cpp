#include <algorithm>
#include <bit>
#include <limits>

#include "serve/extent.h"
#include "serve/logit_changes.h"
#include "serve/prompts.h"
#include "serve/sampling.h"
#include "serve/task.h"
#include "weir/base/error_name.h"

namespace weir::serve {
namespace {

constexpr uint32_t kCompletionTokens = 16;  // OpenAI's default of /v1/completions

const Generate& options_of(const Ask& ask) { return std::get<Generate>(ask.options); }

Tasks needs(const Options&) { return {HeadTask::generate}; }

Extent extent(const ModelCard& model, const Ask& ask) {
  return extent_of(model, ask.inputs, std::numeric_limits<int64_t>::max());
}

/// The most new tokens of a request without max_tokens, before the context limits them.
uint32_t longest_answer(const ModelCard& model, const Input& input, const Sampling& asked) {
  constexpr uint32_t kAll = std::numeric_limits<uint32_t>::max();
  const uint32_t own = model.text.defaults.max_new_tokens.value_or(kAll);
  return std::holds_alternative<Chat>(input) ? std::max(own, asked.min_tokens)
                                             : std::min(own, kCompletionTokens);
}

/// The text of one prompt: the given text, or the text of its ids. Ids past the tokenizer's have no
/// text.
Result<std::string> echo_of(const ModelCard& model, const Input& input) {
  if (const auto* text = std::get_if<Text>(&input)) return text->text;
  auto ids = std::get<Ids>(input);
  const int32_t size = model.text.tokenizer->vocabulary_size();
  std::erase_if(ids, [&](int32_t id) { return id >= size; });
  return model.text.tokenizer->decode(ids, false);
}

/// As in vLLM, the logprobs of an echo are those of the prompt and of the completion.
Result<work::SamplingParams> params_of(const ModelCard& model, const Generate& asked) {
  auto params = check_sampling(asked.sampling, model);
  if (!params || !asked.echo || !params->logprobs) return params;
  params->prompt_logprobs = std::max(params->prompt_logprobs.value_or(0), *params->logprobs);
  return params;
}

Result<std::vector<int32_t>> prompt_of(const ReadyModel& model, const Ask& ask, size_t index) {
  const Input& input = ask.inputs[index];
  if (const auto* chat = std::get_if<Chat>(&input))
    return chat_prompt(model.served, model.loaded, *chat, true);
  return completion_prompt(model.loaded, input, field_of(ask, index));
}

/// REQUIRES: all of `params` is set that does not depend on the prompt.
Result<RequestRow> row_of(const ReadyModel& model, const Ask& ask, size_t index,
                          work::SamplingParams params) {
  const Generate& asked = options_of(ask);
  auto prompt = prompt_of(model, ask, index);
  if (!prompt) return prompt.error();
  const bool echo_only = asked.echo && asked.sampling.max_tokens == 0U;
  auto limit = echo_only ? Result<uint32_t>(1U)
                         : completion_limit(
                               asked.sampling,
                               longest_answer(model.loaded, ask.inputs[index], asked.sampling),
                               static_cast<uint32_t>(prompt->size()), model.loaded.max_model_len);
  if (!limit) return limit.error();
  params.max_tokens = *limit;
  params.seed += index;
  auto echo = asked.echo ? echo_of(model.loaded, ask.inputs[index]) : std::string();
  if (!echo) return echo.error();
  return RequestRow{.prompt = *std::move(prompt),
                    .params = std::move(params),
                    .input = static_cast<uint32_t>(index),
                    .echo = *std::move(echo),
                    .echo_only = echo_only};
}

Result<std::vector<RequestRow>> rows(const ReadyModel& model, const Ask& ask) {
  if (ask.inputs.empty()) return invalid("prompt is empty", "prompt", error_name::kEmptyArray);
  auto params = params_of(model.loaded, options_of(ask));
  if (!params) return params.error();
  if (auto fits = check_copies(*params, ask.inputs.size()); !fits) return fits.error();
  size_t tokens = 0;
  std::vector<RequestRow> rows;
  for (size_t i = 0; i < ask.inputs.size(); ++i) {
    auto row = row_of(model, ask, i, *params);
    if (!row) return row.error();
    tokens += row->prompt.size();
    rows.push_back(*std::move(row));
  }
  if (auto told = check_prompt_logprobs(*params, tokens); !told) return told.error();
  return rows;
}

void add_logit_changes(KeyBytes& key, const work::SamplingParams& params) {
  key.add(params.allowed_tokens);
  key.add(params.bad_words.size());
  for (const auto& word : params.bad_words) key.add(word);
  key.add(params.bias.size());
  for (const auto& [id, bias] : params.bias) {
    key.add(static_cast<uint64_t>(id));
    key.add(std::bit_cast<uint32_t>(bias));
  }
  for (float penalty :
       {params.repetition_penalty, params.presence_penalty, params.frequency_penalty})
    key.add(std::bit_cast<uint32_t>(penalty));
}

bool add_to_key(KeyBytes& key, const Ask& ask, const std::vector<RequestRow>& rows) {
  for (const RequestRow& row : rows) {
    // A greedy draw does not depend on seed, top_p, top_k and min_p, so they are left out.
    const auto& params = std::get<work::SamplingParams>(row.params);
    if (params.temperature != 0) return false;
    key.add(params.max_tokens);
    key.add(params.min_tokens);
    key.add(params.ignore_eos);
    key.add(params.stop_tokens);
    add_logit_changes(key, params);
    key.add_optional(params.logprobs);
    key.add_optional(params.prompt_logprobs);
    key.add(row.echo);
    key.add(row.echo_only);
  }
  const Sampling& asked = options_of(ask).sampling;
  key.add(asked.stop.size());
  for (const std::string& stop : asked.stop) key.add(stop);
  key.add(asked.include_stop_str_in_output);
  key.add(asked.skip_special_tokens);
  return true;
}

bool is_of_text(const Ask& ask) {
  const Sampling& sampling = options_of(ask).sampling;
  return sampling.stop_token_ids.empty() && sampling.logit_bias.empty() &&
         sampling.allowed_token_ids.empty() &&
         std::none_of(ask.inputs.begin(), ask.inputs.end(),
                      [](const Input& input) { return std::holds_alternative<Ids>(input); });
}

}  // namespace

constinit const Task kGenerate{.name = "generate",
                               .field = "prompt",
                               .needs = needs,
                               .extent = extent,
                               .rows = rows,
                               .text = text_of,
                               .add_to_key = add_to_key,
                               .is_of_text = is_of_text,
                               .answers = nullptr};

}  // namespace weir::serve
