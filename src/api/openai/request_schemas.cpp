#include "api/openai/request_schemas.h"

#include <limits>

#include "api/schema/request_fields.h"
#include "weir/serve/service.h"

namespace weir::api::openai {
namespace {

constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

using namespace schema;

}  // namespace

Json chat_request() {
  return request(joined(
      {model_field(), template_fields(),
       FieldList{{.name = "max_tokens",
                  .schema = integer(1, kMostTokens),
                  .description = "Default: what the context leaves."},
                 {.name = "max_completion_tokens",
                  .schema = integer(1, kMostTokens),
                  .description = "The newer name of max_tokens; both only if equal."}},
       sampling_fields(), presentation_fields(),
       FieldList{{.name = "logprobs",
                  .schema = flag(),
                  .description = "Tell the logprob of each token.",
                  .by_default = false},
                 {.name = "top_logprobs",
                  .schema = integer(0, serve::kMostLogprobs),
                  .description = "Of so many of the most likely in each place too. Only with "
                                 "logprobs: true.",
                  .by_default = 0}},
       handling_fields(), unsupported_fields(Endpoint::chat)}));
}

Json completion_request() {
  return request(joined(
      {model_field(),
       FieldList{{.name = "prompt",
                  .schema = prompts(),
                  .description = "A text, token ids, or a list of these.",
                  .required = true},
                 {.name = "add_special_tokens",
                  .schema = flag(),
                  .description = "BOS and the like, as the tokenizer says.",
                  .by_default = true},
                 {.name = "echo",
                  .schema = flag(),
                  .description = "The prompt stands before its completion. Not of an "
                                 "encoder-decoder.",
                  .by_default = false},
                 {.name = "decoder_prompt",
                  .schema = text_or_ids(),
                  .description = "Begins what the decoder of an encoder-decoder continues; the "
                                 "prompt is for its encoder. Other models refuse it."},
                 {.name = "max_tokens",
                  .schema = integer(0, kMostTokens),
                  .description = "0 only with echo: true, for the prompt alone. Default: 16; of an "
                                 "encoder-decoder what its decoder's length leaves."}},
       sampling_fields(), presentation_fields(),
       FieldList{{.name = "logprobs",
                  .schema = any_of({integer(0, serve::kMostLogprobs), only(false)}),
                  .description = "Tell the logprob of each token, and of so many of the most "
                                 "likely in its place."}},
       handling_fields(), unsupported_fields(Endpoint::completion)}));
}

Json embedding_request() {
  return request(
      joined({model_field(),
              FieldList{{.name = "input",
                         .schema = prompts(),
                         .description = "A text, token ids, or a list of these.",
                         .required = true},
                        encoding_format_field(),
                        dimensions_field()},
              truncation_fields(),
              FieldList{{.name = "add_special_tokens", .schema = only(true), .by_default = true}},
              handling_fields(), unsupported_fields(Endpoint::embedding)}));
}

}  // namespace weir::api::openai
