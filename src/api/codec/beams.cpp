#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/codec/parts.h"

namespace weir::api {
namespace {

using Stopping = work::Beams::Stopping;

Stopping read_stopping(Fields& fields) {
  const Json* value = fields.find("early_stopping");
  if (!value) return Stopping::late;
  if (value->is_boolean()) return value->get<bool>() ? Stopping::early : Stopping::late;
  if (*value == "never") return Stopping::never;
  const std::string path = fields.path_of("early_stopping");
  refuse(fmt::format("{} must be true, false or \"never\"", path), path, error_name::kInvalidValue);
}

uint32_t read_count(Fields& fields, const char* name, uint32_t least, uint32_t most,
                    uint32_t otherwise) {
  return static_cast<uint32_t>(fields.integer(name, least, most).value_or(otherwise));
}

[[noreturn]] void refuse_field(const char* name, const char* why) {
  refuse(fmt::format("\"{}\" is not supported {}", name, why), name,
         error_name::kUnsupportedParameter);
}

struct Beside {
  const char* name;
  bool asked;
};

}  // namespace

void read_beams(Fields& fields, serve::Sampling& sampling) {
  const uint32_t beams = read_count(fields, "num_beams", 1, serve::kMostBeams, 1);
  const work::Beams asked{
      .beams = beams,
      .returned = read_count(fields, "num_return_sequences", 1, serve::kMostBeams, 1),
      .length_penalty = static_cast<float>(fields.number("length_penalty", -10, 10).value_or(1)),
      .early_stopping = read_stopping(fields),
      .no_repeat_ngram = read_count(fields, "no_repeat_ngram_size", 0, serve::kMostNgram, 0)};
  if (beams > 1) {
    if (asked.returned > beams)
      refuse(fmt::format("num_return_sequences is {}, over num_beams, {}", asked.returned, beams),
             "num_return_sequences", error_name::kIntegerAboveMax);
    sampling.beams = asked;
    return;
  }
  for (const Beside& field :
       std::array<Beside, 4>{{{"num_return_sequences", asked.returned > 1},
                              {"length_penalty", asked.length_penalty != 1},
                              {"early_stopping", asked.early_stopping != Stopping::late},
                              {"no_repeat_ngram_size", asked.no_repeat_ngram > 0}}})
    if (field.asked) refuse_field(field.name, "without num_beams above 1");
}

void check_beams(const serve::Generate& asked, const Presentation& presentation) {
  const serve::Sampling& sampling = asked.sampling;
  if (!sampling.beams) return;
  const auto is = [](const std::optional<float>& value, float nothing) {
    return value && *value != nothing;
  };
  for (const Beside& field :
       std::array<Beside, 14>{{{"stream", presentation.stream},
                               {"n", sampling.n > 1},
                               {"temperature", is(sampling.temperature, 0)},
                               {"presence_penalty", is(sampling.presence_penalty, 0)},
                               {"frequency_penalty", is(sampling.frequency_penalty, 0)},
                               {"repetition_penalty", is(sampling.repetition_penalty, 1)},
                               {"logit_bias", !sampling.logit_bias.empty()},
                               {"bad_words", !sampling.bad_words.empty()},
                               {"allowed_token_ids", !sampling.allowed_token_ids.empty()},
                               {"stop", !sampling.stop.empty()},
                               {"logprobs", sampling.logprobs.has_value()},
                               {"prompt_logprobs", sampling.prompt_logprobs.has_value()},
                               {"top_k", sampling.top_k.value_or(0) > 0},
                               {"echo", asked.echo}}})
    if (field.asked) refuse_field(field.name, "with num_beams above 1");
}

}  // namespace weir::api
