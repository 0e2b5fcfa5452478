#include "sampling.h"

#include <spdlog/fmt/fmt.h>
#include <sys/random.h>

#include <algorithm>
#include <random>
#include <string>

#include "context_length.h"
#include "logit_changes.h"
#include "ranges.h"

namespace weir::serve {
namespace {

static_assert(kMostLogprobs == work::kMostLogprobs);

Result<void> check_ranges(const work::SamplingParams& params) {
  if (auto checked = check_range("temperature", params.temperature, 0, 2); !checked) return checked;
  if (auto checked = check_range("min_p", params.min_p, 0, 1); !checked) return checked;
  return check_range("top_p", params.top_p, 0, 1);
}

Result<void> check_stops(const Sampling& asked, int32_t vocabulary_rows) {
  size_t all = 0;
  for (size_t i = 0; i < asked.stop.size(); ++i) {
    const size_t bytes = asked.stop[i].size();
    const std::string name = fmt::format("stop[{}]", i);
    if (bytes == 0) return invalid(name + " is empty", name, error_name::kStringBelowMin);
    if (bytes > kLongestStop)
      return invalid(
          fmt::format("{} has {} bytes; at most {} are taken", name, bytes, kLongestStop), name,
          error_name::kStringAboveMax);
    all += bytes;
  }
  if (all > kMostStopBytes)
    return invalid(
        fmt::format("stop has {} bytes in all; at most {} are taken", all, kMostStopBytes), "stop",
        error_name::kStringAboveMax);
  for (size_t i = 0; i < asked.stop_token_ids.size(); ++i) {
    const int32_t id = asked.stop_token_ids[i];
    const std::string name = fmt::format("stop_token_ids[{}]", i);
    if (id < 0 || id >= vocabulary_rows)
      return invalid(
          fmt::format("{} is {}; this model's ids are 0 to {}", name, id, vocabulary_rows - 1),
          name, id < 0 ? error_name::kIntegerBelowMin : error_name::kIntegerAboveMax);
  }
  return {};
}

Result<void> check_logprobs(const char* name, const std::optional<uint32_t>& asked) {
  if (!asked || *asked <= kMostLogprobs) return {};
  return invalid(fmt::format("{} is {}; 0 to {} is allowed", name, *asked, kMostLogprobs), name,
                 error_name::kIntegerAboveMax);
}

/// The model's own defaults of what changes logits would change the search.
Result<void> search_with(const work::Beams& beams, work::SamplingParams& params) {
  if (params.reads_history())
    return invalid(
        "the model's generation_config.json has a repetition_penalty, which a beam search does not "
        "take; \"repetition_penalty\": 1 turns it off",
        "num_beams", error_name::kUnsupportedValue);
  params.temperature = 0;
  params.beams = beams;
  return {};
}

uint64_t random_seed() {
  uint64_t seed = 0;  // not std::random_device for each: it takes microseconds
  if (getrandom(&seed, sizeof seed, 0) == sizeof seed) return seed;
  std::random_device source;
  return (uint64_t{source()} << 32) | source();
}

}  // namespace

Result<work::SamplingParams> check_sampling(const Sampling& asked, const ModelCard& model) {
  const GenerationDefaults& defaults = model.text.defaults;
  work::SamplingParams params;
  params.temperature = asked.temperature.value_or(defaults.temperature.value_or(1));
  params.top_p = asked.top_p.value_or(defaults.top_p.value_or(1));
  params.min_p = asked.min_p.value_or(defaults.min_p.value_or(0));
  params.top_k = asked.top_k.value_or(defaults.top_k.value_or(0));
  if (auto checked = check_ranges(params); !checked) return checked.error();
  if (params.top_p == 0) {  // only the top token is left
    params.temperature = 0;
    params.top_p = 1;
  }
  if (auto checked = check_stops(asked, model.vocabulary_rows); !checked) return checked.error();
  if (auto checked = check_logprobs("logprobs", asked.logprobs); !checked) return checked.error();
  if (auto checked = check_logprobs("prompt_logprobs", asked.prompt_logprobs); !checked)
    return checked.error();
  params.logprobs = asked.logprobs;
  params.prompt_logprobs = asked.prompt_logprobs;
  if (auto changed = add_logit_changes(asked, model, params); !changed) return changed.error();
  params.seed = asked.seed ? *asked.seed : random_seed();
  params.min_tokens = asked.min_tokens;
  params.ignore_eos = asked.ignore_eos;
  if (!asked.ignore_eos) params.stop_tokens = model.text.eos_ids;
  for (int32_t id : asked.stop_token_ids)
    if (std::find(params.stop_tokens.begin(), params.stop_tokens.end(), id) ==
        params.stop_tokens.end())
      params.stop_tokens.push_back(id);
  if (asked.beams)
    if (auto searched = search_with(*asked.beams, params); !searched) return searched.error();
  return params;
}

Result<void> check_prompt_logprobs(const work::SamplingParams& params, size_t prompt_tokens) {
  if (!params.prompt_logprobs) return {};
  const size_t most = kMostPromptLogprobs / (*params.prompt_logprobs + 1);
  if (prompt_tokens <= most) return {};
  return invalid(fmt::format("the prompts have {} tokens; with {} logprobs beside the own one of "
                             "each at most {} are told",
                             prompt_tokens, *params.prompt_logprobs, most),
                 "prompt", error_name::kArrayAboveMax);
}

Result<uint32_t> completion_limit(const Sampling& asked, uint32_t otherwise, uint32_t prompt_tokens,
                                  const ModelCard& model) {
  const uint32_t left = model.max_model_len - prompt_tokens;
  const uint32_t limit = asked.max_tokens.value_or(std::min(otherwise, left));
  if (limit == 0)
    return invalid("max_tokens is 0; at least 1 is wanted", "max_tokens",
                   error_name::kIntegerBelowMin);
  if (limit > left)
    return context_exceeded(
        model.max_model_len,
        fmt::format("However, you requested {} tokens ({} in the {}, {} in the completion).",
                    uint64_t{prompt_tokens} + limit, prompt_tokens,
                    model.encoder ? "decoder's prompt" : "prompt", limit),
        "max_tokens");
  if (asked.min_tokens > limit)
    return invalid(fmt::format("min_tokens is {}; max_tokens is {}", asked.min_tokens, limit),
                   "min_tokens", error_name::kIntegerAboveMax);
  return limit;
}

}  // namespace weir::serve
