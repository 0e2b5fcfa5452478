#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "api/codec/parts.h"
#include "weir/base/excerpt.h"

namespace weir::api {
namespace {

std::optional<float> read_penalty(Fields& fields, const char* name, double least, double most) {
  const auto value = fields.number(name, least, most);
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

// An id as text, such as "17". A sign or leading zeros are refused, so that an id has one spelling.
int32_t read_id(const std::string& text, const std::string& path) {
  int32_t id = -1;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc() || at != end || id < 0 || std::to_string(id) != text) {
    refuse(fmt::format("logit_bias has \"{}\" where a token id from 0 to {} is wanted",
                       excerpt(text), std::numeric_limits<int32_t>::max()),
           path, error_name::kInvalidValue);
  }
  return id;
}

std::vector<std::pair<int32_t, float>> read_biases(Fields& fields) {
  std::vector<std::pair<int32_t, float>> biases;
  const Json* object = fields.object("logit_bias");
  if (!object) return biases;
  const std::string path = fields.path_of("logit_bias");
  for (const auto& [text, value] : object->items()) {
    if (value.is_null()) continue;
    const std::string at = path + '.' + text;
    const int32_t id = read_id(text, at);
    if (!value.is_number()) {
      refuse(fmt::format("{} must be a number, not {}", at, kind_of(value)), at,
             error_name::kInvalidType);
    }
    if (biases.size() == serve::kMostBiases) {
      refuse(fmt::format("{} has more than {} ids", path, serve::kMostBiases), path,
             error_name::kArrayAboveMax);
    }
    biases.emplace_back(id, value.get<float>());
  }
  return biases;
}

std::optional<uint32_t> read_count(Fields& fields, const char* name) {
  const auto value = fields.integer(name, 0, serve::kMostLogprobs);
  return value ? std::optional(static_cast<uint32_t>(*value)) : std::nullopt;
}

}  // namespace

void read_logit_changes(Fields& fields, serve::Sampling& sampling) {
  sampling.presence_penalty = read_penalty(fields, "presence_penalty", -2, 2);
  sampling.frequency_penalty = read_penalty(fields, "frequency_penalty", -2, 2);
  sampling.repetition_penalty = read_penalty(
      fields, "repetition_penalty", serve::kLeastRepetitionPenalty, serve::kMostRepetitionPenalty);
  sampling.logit_bias = read_biases(fields);
  if (const Json* words = fields.array("bad_words"))
    sampling.bad_words = read_texts(*words, fields.path_of("bad_words"));
  if (const Json* ids = fields.array("allowed_token_ids")) {
    const std::string path = fields.path_of("allowed_token_ids");
    if (ids->empty()) {
      refuse(fmt::format("{} must not be empty", path), path, error_name::kEmptyArray);
    }
    sampling.allowed_token_ids = read_ids(*ids, path);
  }
}

std::optional<uint32_t> read_chat_logprobs(Fields& fields) {
  const bool wanted = fields.flag("logprobs").value_or(false);
  const auto top = read_count(fields, "top_logprobs");
  if (wanted) return top.value_or(0);
  if (top.value_or(0) > 0) {
    refuse(fmt::format("top_logprobs is {}, which is only allowed with \"logprobs\": true", *top),
           "top_logprobs", error_name::kInvalidValue);
  }
  return std::nullopt;
}

std::optional<uint32_t> read_completion_logprobs(Fields& fields) {
  const Json* value = fields.find("logprobs");
  if (value && value->is_boolean() && !value->get<bool>()) return std::nullopt;
  return read_count(fields, "logprobs");
}

std::optional<uint32_t> read_prompt_logprobs(Fields& fields, const Presentation& presentation) {
  const auto count = read_count(fields, "prompt_logprobs");
  if (count && presentation.stream) {
    refuse(fmt::format("prompt_logprobs is {}, which is not allowed with \"stream\": true", *count),
           "prompt_logprobs", error_name::kInvalidValue);
  }
  return count;
}

}  // namespace weir::api
