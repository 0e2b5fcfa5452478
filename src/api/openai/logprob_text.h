#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "weir/serve/service.h"

/// Logprobs in the JSON of OpenAI and vLLM. The text of a token has U+FFFD for bytes that are no
/// character; a logprob of minus infinity is written as -9999.0.
namespace weir::api::openai {

using TokenLogprobs = std::span<const serve::TokenLogprob>;

/// `logprobs` of a chat's choice.
void append_chat_logprobs(std::string& out, TokenLogprobs tokens);

/// `logprobs` of a completion: the tokens of an echoed prompt, then the completion's.
struct CompletionLogprobs {
  TokenLogprobs prompt, completion;
  size_t top = 0;  // how many of the most likely tokens are shown beside the token itself
};
/// `offset`: the characters of all tokens before these; adds those of these tokens.
void append_completion_logprobs(std::string& out, const CompletionLogprobs& logprobs,
                                size_t& offset);

/// vLLM's `prompt_logprobs`, with the `top` most likely tokens in each place.
void append_prompt_logprobs(std::string& out, TokenLogprobs tokens, size_t top);

}  // namespace weir::api::openai
