#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/answer/stream_form.h"
#include "weir/api/api.h"
#include "weir/api/call.h"

namespace weir::api {

/// One choice with all its pieces.
struct ChoiceText {
  std::string text;
  std::vector<int32_t> token_ids;
  std::vector<serve::TokenLogprob> logprobs = {}, prompt_logprobs = {};  // where asked for
  serve::End end;
};

/// Runs a generation to its end. Errors: the generation's; cancelled (the client left).
Result<std::vector<ChoiceText>> collect(const Call& call, serve::Generation& generation);

/// Answers with a generation piece by piece. The head of the answer goes out with its first piece:
/// a delta, a comment to a client that waits, or a ping. A failure before the first piece is an
/// Error here.
Result<Said> answer_stream(const Call& call, const Api& api,
                           std::unique_ptr<serve::Generation> generation,
                           std::unique_ptr<StreamForm> form);

}  // namespace weir::api
