#include "sampling.h"

#include <spdlog/fmt/fmt.h>
#include <sys/random.h>

#include <algorithm>
#include <random>
#include <string>

namespace weir::serve {
namespace {

constexpr size_t kMaxStops = 16;
constexpr size_t kMaxStopBytes = 1024;

/// What a message says is allowed, and whether a value is. A NaN is inside nothing.
Result<void> check_range(const char* name, float value, float low, float high) {
  if (value >= low && value <= high) return {};
  return invalid(fmt::format("{} is {}; {} to {} is allowed", name, value, low, high), name);
}

Result<void> check_ranges(const work::SamplingParams& params) {
  if (auto checked = check_range("temperature", params.temperature, 0, 2); !checked) return checked;
  if (auto checked = check_range("min_p", params.min_p, 0, 1); !checked) return checked;
  if (!(params.top_p > 0 && params.top_p <= 1))
    return invalid(fmt::format("top_p is {}; more than 0 and at most 1 is allowed", params.top_p),
                   "top_p");
  return {};
}

Result<void> check_stops(const Sampling& asked, int32_t vocabulary_rows) {
  if (asked.stop.size() > kMaxStops)
    return invalid(
        fmt::format("stop has {} strings; at most {} are taken", asked.stop.size(), kMaxStops),
        "stop");
  for (size_t i = 0; i < asked.stop.size(); ++i) {
    const size_t bytes = asked.stop[i].size();
    const std::string name = fmt::format("stop[{}]", i);
    if (bytes == 0) return invalid(name + " is empty", name);
    if (bytes > kMaxStopBytes)
      return invalid(
          fmt::format("{} has {} bytes; at most {} are taken", name, bytes, kMaxStopBytes), name);
  }
  for (size_t i = 0; i < asked.stop_token_ids.size(); ++i) {
    const int32_t id = asked.stop_token_ids[i];
    const std::string name = fmt::format("stop_token_ids[{}]", i);
    if (id < 0 || id >= vocabulary_rows)
      return invalid(
          fmt::format("{} is {}; this model's ids are 0 to {}", name, id, vocabulary_rows - 1),
          name);
  }
  return {};
}

uint64_t random_seed() {
  uint64_t seed = 0;  // std::random_device asks the processor, which takes microseconds
  if (getrandom(&seed, sizeof seed, 0) == sizeof seed) return seed;
  std::random_device source;
  return (uint64_t{source()} << 32) | source();
}

}  // namespace

Result<work::SamplingParams> check_sampling(const Sampling& asked, const LoadedModel& model) {
  const GenerationDefaults& defaults = model.text.defaults;
  work::SamplingParams params;
  params.temperature = asked.temperature.value_or(defaults.temperature.value_or(1));
  params.top_p = asked.top_p.value_or(defaults.top_p.value_or(1));
  params.min_p = asked.min_p.value_or(defaults.min_p.value_or(0));
  params.top_k = asked.top_k.value_or(defaults.top_k.value_or(0));
  if (auto checked = check_ranges(params); !checked) return checked.error();
  if (auto checked = check_stops(asked, model.vocabulary_rows); !checked) return checked.error();
  params.seed = asked.seed ? *asked.seed : random_seed();
  params.min_tokens = asked.min_tokens;
  params.ignore_eos = asked.ignore_eos;
  if (!asked.ignore_eos) params.stop_tokens = model.text.eos_ids;
  for (int32_t id : asked.stop_token_ids)
    if (std::find(params.stop_tokens.begin(), params.stop_tokens.end(), id) ==
        params.stop_tokens.end())
      params.stop_tokens.push_back(id);
  return params;
}

Result<uint32_t> completion_limit(const Sampling& asked, uint32_t otherwise, uint32_t prompt_tokens,
                                  uint32_t max_model_len) {
  const uint32_t left = max_model_len - prompt_tokens;
  const uint32_t limit = asked.max_tokens.value_or(std::min(otherwise, left));
  if (limit == 0) return invalid("max_tokens is 0; at least 1 is wanted", "max_tokens");
  if (limit > left)
    return invalid(fmt::format("max_tokens is {}; prompt of {} tokens leaves {} of this model's {}",
                               limit, prompt_tokens, left, max_model_len),
                   "max_tokens");
  if (asked.min_tokens > limit)
    return invalid(fmt::format("min_tokens is {}; max_tokens is {}", asked.min_tokens, limit),
                   "min_tokens");
  return limit;
}

}  // namespace weir::serve
