#pragma once

#include "weir/serve/service.h"
#include "weir/text/tokenizer.h"
#include "weir/work/output.h"

namespace weir::serve {

/// The logprobs of a token for the client, with the bytes of the token and of those in its place.
TokenLogprob token_logprob(const text::Tokenizer& tokenizer, const work::Token& token);

}  // namespace weir::serve
