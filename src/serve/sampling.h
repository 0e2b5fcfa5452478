#pragma once

#include <cstdint>

#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"
#include "weir/work/request.h"

namespace weir::serve {

/// Checks all that does not depend on a prompt (ranges, stop strings, stop tokens), and fills in
/// the model's defaults and a seed. max_tokens of the result is not set yet. Errors:
/// invalid_argument that names the field, the value and the range.
Result<work::SamplingParams> check_sampling(const Sampling& asked, const ModelCard& model);

/// Errors: invalid_argument, if the prompts (of `prompt_tokens` in total) would get more than
/// kMostPromptLogprobs logprobs.
Result<void> check_prompt_logprobs(const work::SamplingParams& params, size_t prompt_tokens);

/// The max_tokens of a completion: the number that was asked for, else at most `otherwise` and what
/// the context leaves. `prompt_tokens`: of an encoder-decoder those of the decoder. REQUIRES: they
/// are fewer than max_model_len.
Result<uint32_t> completion_limit(const Sampling& asked, uint32_t otherwise, uint32_t prompt_tokens,
                                  const ModelCard& model);

}  // namespace weir::serve
