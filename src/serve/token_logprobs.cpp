#include "token_logprobs.h"

namespace weir::serve {

TokenLogprob token_logprob(const text::Tokenizer& tokenizer, const work::Token& token) {
  TokenLogprob told{.id = token.id, .bytes = tokenizer.token_bytes(token.id)};
  if (!token.logprobs) return told;
  told.logprob = token.logprobs->own;
  told.rank = token.logprobs->rank;
  told.top.reserve(token.logprobs->top.size());
  for (const auto& [id, logprob] : token.logprobs->top)
    told.top.push_back({.id = id, .logprob = logprob, .bytes = tokenizer.token_bytes(id)});
  return told;
}

}  // namespace weir::serve
