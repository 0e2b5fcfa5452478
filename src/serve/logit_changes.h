#pragma once

#include <cstddef>

#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"
#include "weir/work/request.h"

namespace weir::serve {

/// Checks what a request asks to be done to the logits (penalties, biases, bans) and fills it in,
/// with the model's own repetition penalty where the request has none. Errors: invalid_argument
/// that names the field, the value and the limit.
Result<void> add_logit_changes(const Sampling& asked, const LoadedModel& model,
                               work::SamplingParams& params);

/// Each prompt of a request has its own copy of them. Errors: invalid_argument where all of these
/// are too large.
Result<void> check_copies(const work::SamplingParams& params, size_t prompts);

}  // namespace weir::serve
