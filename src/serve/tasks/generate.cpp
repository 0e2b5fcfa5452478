#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

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
  constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
  Extent extent = extent_of(model, ask.inputs, kAll);
  const auto& decoder_prompt = options_of(ask).decoder_prompt;
  if (!model.encoder || !decoder_prompt) return extent;
  const Extent own = extent_of(model, {&*decoder_prompt, 1}, kAll);
  extent.bytes += own.bytes;
  extent.least_tokens += own.least_tokens * static_cast<int64_t>(extent.rows);
  return extent;
}

Error unsupported(const char* field, const std::string& why) {
  return invalid(std::string("\"") + field + "\" is not supported " + why, field,
                 error_name::kUnsupportedParameter);
}

/// What only an encoder-decoder can be asked for, and what it cannot be asked for.
Result<void> check_sides(const ReadyModel& model, const Generate& asked) {
  const std::string name = "by model \"" + model.served.name + "\", ";
  if (!model.loaded.encoder) {
    if (!asked.decoder_prompt) return {};
    return unsupported("decoder_prompt", name + "which has no encoder");
  }
  if (asked.echo)
    return unsupported("echo", name +
                                   "an encoder-decoder, whose completion does not go on from "
                                   "its prompt");
  if (asked.sampling.prompt_logprobs)
    return unsupported("prompt_logprobs", name +
                                              "an encoder-decoder, which draws no token of its "
                                              "prompt");
  return {};
}

/// The most new tokens of a request without max_tokens, before the context limits them. A
/// conversation and an encoder-decoder's source have an answer that ends; a text goes on for ever.
uint32_t longest_answer(const ModelCard& model, const Input& input, const Sampling& asked) {
  constexpr uint32_t kAll = std::numeric_limits<uint32_t>::max();
  const uint32_t own = model.text.defaults.max_new_tokens.value_or(kAll);
  const bool ends = model.encoder || std::holds_alternative<Chat>(input);
  return ends ? std::max(own, asked.min_tokens) : std::min(own, kCompletionTokens);
}

/// The text of one prompt: the given text, or the text of its ids.
Result<std::string> echo_of(const ModelCard& model, const Input& input) {
  if (const auto* text = std::get_if<Text>(&input)) return text->text;
  return known_text(*model.text.tokenizer, std::get<Ids>(input));
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

/// What all prompts of a request have.
struct SharedParts {
  work::SamplingParams params;          // without what depends on the prompt
  std::vector<int32_t> decoder_prompt;  // of an encoder-decoder only
};

Result<SharedParts> shared_parts(const ReadyModel& model, const Ask& ask) {
  const Generate& asked = options_of(ask);
  if (auto possible = check_sides(model, asked); !possible) return possible.error();
  if (asked.sampling.n > 1 && asked.echo && asked.sampling.logprobs)
    return unsupported("logprobs", "of an echo with n above 1");
  auto params = params_of(model.loaded, asked);
  if (!params) return params.error();
  SharedParts shared{.params = *std::move(params), .decoder_prompt = {}};
  if (model.loaded.encoder) {
    auto prompt = decoder_prompt(model.loaded, asked.decoder_prompt);
    if (!prompt) return prompt.error();
    shared.decoder_prompt = *std::move(prompt);
  }
  if (auto fit = check_copies(shared.params, shared.decoder_prompt.size(), ask.inputs.size()); !fit)
    return fit.error();
  return shared;
}

Result<RequestRow> row_of(const ReadyModel& model, const Ask& ask, size_t index,
                          const SharedParts& shared) {
  const Generate& asked = options_of(ask);
  work::SamplingParams params = shared.params;
  auto prompt = prompt_of(model, ask, index);
  if (!prompt) return prompt.error();
  std::vector<int32_t> source;
  if (model.loaded.encoder) source = std::exchange(*prompt, shared.decoder_prompt);
  const bool echo_only = asked.echo && asked.sampling.max_tokens == 0U;
  auto limit =
      echo_only ? Result<uint32_t>(1U)
                : completion_limit(asked.sampling,
                                   longest_answer(model.loaded, ask.inputs[index], asked.sampling),
                                   static_cast<uint32_t>(prompt->size()), model.loaded);
  if (!limit) return limit.error();
  params.max_tokens = *limit;
  params.seed += index * asked.sampling.n;
  std::vector<uint64_t> branches;
  const uint32_t choices = params.beams ? params.beams->returned : asked.sampling.n;
  for (uint32_t i = 1; i < choices; ++i) branches.push_back(params.seed + i);
  auto echo = asked.echo ? echo_of(model.loaded, ask.inputs[index]) : std::string();
  if (!echo) return echo.error();
  return RequestRow{.source = std::move(source),
                    .prompt = *std::move(prompt),
                    .params = std::move(params),
                    .branches = std::move(branches),
                    .input = static_cast<uint32_t>(index),
                    .echo = *std::move(echo),
                    .echo_only = echo_only};
}

Result<std::vector<RequestRow>> rows(const ReadyModel& model, const Ask& ask, StillWanted& wanted) {
  if (ask.inputs.empty()) return invalid("prompt is empty", "prompt", error_name::kEmptyArray);
  auto shared = shared_parts(model, ask);
  if (!shared) return shared.error();
  size_t tokens = 0;
  std::vector<RequestRow> rows;
  for (size_t i = 0; i < ask.inputs.size(); ++i) {
    if (auto still = wanted.check(); !still) return still.error();
    auto row = row_of(model, ask, i, *shared);
    if (!row) return row.error();
    tokens += row->prompt.size();
    rows.push_back(*std::move(row));
  }
  if (auto told = check_prompt_logprobs(shared->params, tokens); !told) return told.error();
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

void add_beams(KeyBytes& key, const std::optional<work::Beams>& beams) {
  key.add(beams.has_value());
  if (!beams) return;
  key.add(uint64_t{beams->beams});
  key.add(std::bit_cast<uint32_t>(beams->length_penalty));
  key.add(static_cast<uint64_t>(beams->early_stopping));
  key.add(uint64_t{beams->no_repeat_ngram});
}

bool add_to_key(KeyBytes& key, const KeyParts& parts) {
  for (const RequestRow& row : parts.rows) {
    // A greedy draw does not depend on seed, top_p, top_k and min_p, so they are left out.
    const auto& params = std::get<work::SamplingParams>(row.params);
    if (params.temperature != 0) return false;
    key.add(row.branches.size());
    add_beams(key, params.beams);
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
  const Sampling& asked = std::get<Generate>(parts.options).sampling;
  key.add(asked.stop.size());
  for (const std::string& stop : asked.stop) key.add(stop);
  key.add(asked.include_stop_str_in_output);
  key.add(asked.skip_special_tokens);
  return true;
}

bool is_of_text(const Ask& ask) {
  const auto has_ids = [](const Input& input) { return std::holds_alternative<Ids>(input); };
  const auto& [sampling, echo, decoder_prompt] = options_of(ask);
  return sampling.stop_token_ids.empty() && sampling.logit_bias.empty() &&
         sampling.allowed_token_ids.empty() && !(decoder_prompt && has_ids(*decoder_prompt)) &&
         std::none_of(ask.inputs.begin(), ask.inputs.end(), has_ids);
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
