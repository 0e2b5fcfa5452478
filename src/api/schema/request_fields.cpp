#include "api/schema/request_fields.h"

#include <limits>

#include "weir/serve/service.h"

namespace weir::api::schema {
namespace {

constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

Json short_text() { return text(1, serve::kLongestStop); }
Json token_id() { return integer(0, kMostTokens); }

// A name that is no id may only have the value null, which counts as absent.
Json biases() {
  Json schema = empty_object();
  schema["patternProperties"] = {{"^(0|[1-9][0-9]{0,9})$", or_null(any_number())}};
  return schema;
}

Json stream_options() {
  return request({{.name = "include_usage",
                   .schema = flag(),
                   .description = "A last chunk has the usage.",
                   .by_default = false},
                  {.name = "continuous_usage_stats",
                   .schema = flag(),
                   .description = "Each chunk has the usage of its choice so far.",
                   .by_default = false},
                  {.name = "include_obfuscation",
                   .schema = flag(),
                   .description = "Has no effect: nothing is padded."}});
}

Json content() {
  Json part = request({{.name = "type", .schema = only("text"), .required = true},
                       {.name = "text", .schema = text(), .required = true}});
  return any_of({text(), list(std::move(part), 1)});
}

// The fields of an answer's message, which a client may send back unchanged.
FieldList answer_fields() {
  FieldList fields;
  for (const char* name : {"tool_calls", "function_call", "refusal", "audio", "annotations"})
    fields.push_back({.name = name, .schema = list(any_object(), 0, 0)});
  return fields;
}

Json message(std::vector<std::string> roles, FieldList own) {
  FieldList fields{{.name = "role", .schema = choice(std::move(roles)), .required = true},
                   {.name = "name", .schema = text()}};
  return request(joined({std::move(fields), std::move(own), answer_fields()}));
}

Json message() {
  const Field must_have{.name = "content", .schema = content(), .required = true};
  const Field may_have{.name = "content", .schema = content()};
  return any_of({message({"system", "developer", "user"}, {must_have}),
                 message({"assistant"}, {may_have}),
                 message({"tool"}, {must_have, {.name = "tool_call_id", .schema = text()}})});
}

}  // namespace

Json token_ids(size_t least) { return list(token_id(), least); }

Json text_or_ids() { return any_of({text(), token_ids(0)}); }

Json prompts() { return any_of({text(), token_ids(1), list(any_of({text(), token_ids(1)}), 1)}); }

FieldList model_field() {
  return {{.name = "model",
           .schema = text(1),
           .description = "A served name. May be left out where one model can do the task."}};
}

FieldList sampling_fields() {
  return joined(
      {{{.name = "n",
         .schema = integer(1, serve::kMostChoices),
         .description = "Completions of each prompt, which is computed and charged once. At most "
                        "as many as the model computes at a time.",
         .by_default = 1},
        {.name = "temperature",
         .schema = number(0, 2),
         .description = "0 is greedy. Default: the model's generation_config.json, else 1."},
        {.name = "top_p",
         .schema = number(0, 1),
         .description = "Default: the model's, else 1. 0 is greedy."},
        {.name = "min_p", .schema = number(0, 1), .description = "Default: the model's, else 0."},
        {.name = "top_k",
         .schema = integer(-1, kMostTokens),
         .description = "-1 and 0: off. Default: the model's, else off."},
        {.name = "seed",
         .schema = {{"type", "integer"},
                    {"minimum", std::numeric_limits<int64_t>::min()},
                    {"maximum", std::numeric_limits<uint64_t>::max()}},
         .description = "The same seed gives the same draws. Default: random."},
        {.name = "min_tokens",
         .schema = integer(0, kMostTokens),
         .description = "At most max_tokens.",
         .by_default = 0},
        {.name = "ignore_eos", .schema = flag(), .by_default = false},
        {.name = "stop",
         .schema = any_of({short_text(), list(short_text())}),
         .description = "Texts that end the completion: each of 1 to 1024 bytes, 16384 in all."},
        {.name = "stop_token_ids",
         .schema = list(token_id(), 0, 256),
         .description = "Beside the model's own."},
        {.name = "include_stop_str_in_output", .schema = flag(), .by_default = false},
        {.name = "skip_special_tokens",
         .schema = flag(),
         .description = "In the text of the answer.",
         .by_default = true}},
       logit_fields(),
       beam_fields()});
}

FieldList beam_fields() {
  return {
      {.name = "num_beams",
       .schema = integer(1, serve::kMostBeams),
       .description = "Above 1: a beam search, as Hugging Face's generate() does it. Not with "
                      "stream, n, logprobs and what changes the draws.",
       .by_default = 1},
      {.name = "num_return_sequences",
       .schema = integer(1, serve::kMostBeams),
       .description = "Texts of a beam search, the best first. At most num_beams.",
       .by_default = 1},
      {.name = "length_penalty",
       .schema = number(-10, 10),
       .description = "Of a beam search: a text's score is divided by its length to this power.",
       .by_default = 1},
      {.name = "early_stopping",
       .schema = any_of({flag(), only("never")}),
       .description = "Of a beam search: true ends it when as many texts have ended as there "
                      "are beams, \"never\" when no better one can come.",
       .by_default = false},
      {.name = "no_repeat_ngram_size",
       .schema = integer(0, serve::kMostNgram),
       .description = "Of a beam search: no sequence of so many tokens comes twice. 0: off.",
       .by_default = 0}};
}

FieldList logit_fields() {
  return {{.name = "presence_penalty",
           .schema = number(-2, 2),
           .description = "Subtracted from the logits of tokens that the completion has.",
           .by_default = 0},
          {.name = "frequency_penalty",
           .schema = number(-2, 2),
           .description = "Subtracted from a token's logit once for each time that it came.",
           .by_default = 0},
          {.name = "repetition_penalty",
           .schema = number(serve::kLeastRepetitionPenalty, serve::kMostRepetitionPenalty),
           .description = "Divides positive logits of tokens that came, multiplies others. "
                          "Default: the model's, else 1."},
          {.name = "logit_bias",
           .schema = biases(),
           .description = "Token ids and numbers that are added to their logits, at most 1024. "
                          "Beyond -100 to 100 a number counts as the limit."},
          {.name = "bad_words",
           .schema = list(short_text()),
           .description =
               "The tokens of none of these texts stand in the completion: each of 1 to 1024 "
               "bytes, 16384 in all."},
          {.name = "allowed_token_ids",
           .schema = token_ids(1),
           .description = "The only ids that may be drawn. Default: all."}};
}

FieldList presentation_fields() {
  return {{.name = "stream",
           .schema = flag(),
           .description = "Answer with server-sent events.",
           .by_default = false},
          {.name = "stream_options",
           .schema = stream_options(),
           .description = "Only with stream: true, unless all its members are null."},
          {.name = "return_token_ids",
           .schema = flag(),
           .description = "Show the ids of prompt and completion.",
           .by_default = false},
          {.name = "prompt_logprobs",
           .schema = integer(0, serve::kMostLogprobs),
           .description = "Logprobs of the prompt's tokens, and of so many of the most likely in "
                          "each place. Not with stream: true."}};
}

FieldList handling_fields() {
  return {{.name = "timeout",
           .schema = number(0.001, 86400),
           .description = "The request's own deadline, in seconds. Default: none."},
          {.name = "priority",
           .schema = integer(0, 9),
           .description = "Lowers that of the key, never raises it. Higher goes first."}};
}

FieldList template_fields() {
  return {{.name = "messages", .schema = list(message(), 1), .required = true},
          {.name = "chat_template_kwargs",
           .schema = any_object(),
           .description = "Handed to the template."},
          {.name = "add_generation_prompt",
           .schema = flag(),
           .description = "Handed to the template.",
           .by_default = true},
          {.name = "add_special_tokens",
           .schema = only(false),
           .description = "The template writes them.",
           .by_default = false}};
}

Field encoding_format_field() {
  return {.name = "encoding_format",
          .schema = choice({"float", "base64"}),
          .description = "base64: little-endian float32.",
          .by_default = "float"};
}

Field dimensions_field() {
  return {.name = "dimensions",
          .schema = integer(1, INT32_MAX),
          .description = "The vector is cut to so many and normalised again."};
}

FieldList truncation_fields() {
  return {{.name = "truncate",
           .schema = flag(),
           .description = "Cut an input to the model's limit.",
           .by_default = false},
          {.name = "truncate_prompt_tokens",
           .schema = any_of({only(-1), integer(1, INT32_MAX)}),
           .description = "Cut an input to so many tokens. -1: to the model's limit."}};
}

}  // namespace weir::api::schema
