#pragma once

#include <cstdint>

#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"
#include "weir/work/request.h"

namespace weir::serve {

/// Checks what does not depend on a prompt (ranges, stop strings, stop tokens) and fills in the
/// model's defaults and a seed. max_tokens of the result is not set yet. Errors: invalid_argument
/// that names the field, the value and the range.
Result<work::SamplingParams> check_sampling(const Sampling& asked, const LoadedModel& model);

/// Whether prompts of so many tokens in all may be told with the logprobs that `params` asks for.
Result<void> check_prompt_logprobs(const work::SamplingParams& params, size_t prompt_tokens);

/// How long a completion may be: what was asked, else at most `otherwise` and what the context
/// leaves. REQUIRES: prompt_tokens < max_model_len.
Result<uint32_t> completion_limit(const Sampling& asked, uint32_t otherwise, uint32_t prompt_tokens,
                                  uint32_t max_model_len);

}  // namespace weir::serve
