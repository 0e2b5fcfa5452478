#include "logit_changes.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "prompts.h"
#include "ranges.h"

namespace weir::serve {
namespace {

using Ids = std::vector<int32_t>;

constexpr float kMostBias = 100;                 // as vLLM bounds it
constexpr size_t kMostCopied = size_t{4} << 20;  // ids, in all prompts together
constexpr size_t kWordItself = 16;               // a bad word takes the memory of so many ids more
constexpr float kMostPenalty = 2;                // on either side of 0

Result<void> add_penalties(const Sampling& asked, const GenerationDefaults& defaults,
                           work::SamplingParams& params) {
  params.presence_penalty = asked.presence_penalty.value_or(0);
  params.frequency_penalty = asked.frequency_penalty.value_or(0);
  params.repetition_penalty =
      asked.repetition_penalty.value_or(defaults.repetition_penalty.value_or(1));
  if (auto checked =
          check_range("presence_penalty", params.presence_penalty, -kMostPenalty, kMostPenalty);
      !checked)
    return checked;
  if (auto checked =
          check_range("frequency_penalty", params.frequency_penalty, -kMostPenalty, kMostPenalty);
      !checked)
    return checked;
  return check_range("repetition_penalty", params.repetition_penalty,
                     static_cast<float>(kLeastRepetitionPenalty),
                     static_cast<float>(kMostRepetitionPenalty));
}

Result<void> add_biases(const Sampling& asked, const ModelCard& model,
                        work::SamplingParams& params) {
  if (asked.logit_bias.size() > kMostBiases)
    return invalid(fmt::format("logit_bias has {} ids; at most {} are taken",
                               asked.logit_bias.size(), kMostBiases),
                   "logit_bias", error_name::kArrayAboveMax);
  std::map<int32_t, float> biases;
  for (const auto& [id, bias] : asked.logit_bias) {
    if (id < 0 || id >= model.vocabulary_rows)
      return invalid(fmt::format("logit_bias has the id {}; this model's ids are 0 to {}", id,
                                 model.vocabulary_rows - 1),
                     fmt::format("logit_bias.{}", id),
                     id < 0 ? error_name::kIntegerBelowMin : error_name::kIntegerAboveMax);
    biases[id] = std::clamp(bias, -kMostBias, kMostBias);
  }
  params.bias.assign(biases.begin(), biases.end());
  return {};
}

Result<void> add_allowed(const Sampling& asked, const ModelCard& model,
                         work::SamplingParams& params) {
  if (auto checked = check_ids(asked.allowed_token_ids, model.vocabulary_rows, "allowed_token_ids");
      !checked)
    return checked;
  Ids& allowed = params.allowed_tokens;
  allowed = asked.allowed_token_ids;
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  return {};
}

Result<Ids> spell(const std::string& text, const ModelCard& model, const std::string& name) {
  auto ids = model.text.tokenizer->encode(text, false);
  if (!ids) {
    ids.error().param = name;
    return ids;
  }
  for (int32_t id : *ids)
    if (id < 0 || id >= model.vocabulary_rows)
      return invalid(fmt::format("{} has the token {}; this model's ids are 0 to {}", name, id,
                                 model.vocabulary_rows - 1),
                     name, error_name::kInvalidValue);
  return ids;
}

/// Within a text a word may have other tokens than at the start. So, as vLLM's
/// update_from_tokenizer does it, the word with a space before it is added too, if it has as many
/// tokens and another first one.
Result<void> add_bad_word(std::string_view word, const ModelCard& model, const std::string& name,
                          std::vector<Ids>& bad) {
  word.remove_prefix(std::min(word.find_first_not_of(" \t\n\v\f\r"), word.size()));
  auto plain = spell(std::string(word), model, name);
  if (!plain) return plain.error();
  if (plain->empty()) return invalid(name + " has no tokens", name, error_name::kStringBelowMin);
  auto spaced = spell(' ' + std::string(word), model, name);
  if (!spaced) return spaced.error();
  const bool another = spaced->size() == plain->size() && spaced->front() != plain->front();
  bad.push_back(*std::move(plain));
  if (another) bad.push_back(*std::move(spaced));
  return {};
}

Result<void> add_bad_words(const Sampling& asked, const ModelCard& model,
                           work::SamplingParams& params) {
  size_t all = 0;
  for (const std::string& word : asked.bad_words) all += word.size();
  if (all > kMostStopBytes)
    return invalid(
        fmt::format("bad_words has {} bytes in all; at most {} are taken", all, kMostStopBytes),
        "bad_words", error_name::kStringAboveMax);
  for (size_t i = 0; i < asked.bad_words.size(); ++i) {
    const std::string& word = asked.bad_words[i];
    const std::string name = fmt::format("bad_words[{}]", i);
    if (word.size() > kLongestStop)
      return invalid(
          fmt::format("{} has {} bytes; at most {} are taken", name, word.size(), kLongestStop),
          name, error_name::kStringAboveMax);
    if (auto added = add_bad_word(word, model, name, params.bad_words); !added) return added;
  }
  return {};
}

}  // namespace

Result<void> add_logit_changes(const Sampling& asked, const ModelCard& model,
                               work::SamplingParams& params) {
  if (auto added = add_penalties(asked, model.text.defaults, params); !added) return added;
  if (auto added = add_biases(asked, model, params); !added) return added;
  if (auto added = add_allowed(asked, model, params); !added) return added;
  return add_bad_words(asked, model, params);
}

Result<void> check_copies(const work::SamplingParams& params, size_t decoder_tokens,
                          size_t prompts) {
  size_t ids = decoder_tokens + params.allowed_tokens.size() + params.bias.size();
  for (const Ids& word : params.bad_words) ids += kWordItself + word.size();
  if (ids == 0 || prompts <= kMostCopied / ids) return {};
  const char* copied = decoder_tokens == 0
                           ? "allowed_token_ids, bad_words and logit_bias"
                           : "allowed_token_ids, bad_words, logit_bias and decoder_prompt";
  return invalid(fmt::format("prompt has {} entries; with these {} at most {} are taken", prompts,
                             copied, kMostCopied / ids),
                 "prompt", error_name::kArrayAboveMax);
}

}  // namespace weir::serve
