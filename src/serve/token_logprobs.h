#pragma once

#include "weir/serve/service.h"
#include "weir/text/tokenizer.h"
#include "weir/work/output.h"

namespace weir::serve {

/// What a client is told of a token, with its bytes and those of the tokens in its place.
TokenLogprob token_logprob(const text::Tokenizer& tokenizer, const work::Token& token);

}  // namespace weir::serve
