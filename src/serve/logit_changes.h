#pragma once

#include <cstddef>

#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"
#include "weir/work/request.h"

namespace weir::serve {

/// Checks the changes of logits that a request asks for (penalties, biases, bans) and fills them
/// in. A request without a repetition penalty gets the model's own. Errors: invalid_argument that
/// names the field, the value and the limit.
Result<void> add_logit_changes(const Sampling& asked, const ModelCard& model,
                               work::SamplingParams& params);

/// Each prompt of a request has its own copy of `params` and of the decoder's prompt. Errors:
/// invalid_argument if all copies together are too large.
Result<void> check_copies(const work::SamplingParams& params, size_t decoder_tokens,
                          size_t prompts);

}  // namespace weir::serve
