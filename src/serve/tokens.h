#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model_set.h"
#include "weir/serve/service.h"

namespace weir::serve {

/// The answer of /tokenize. A text may be longer than the context. Errors: invalid_argument with
/// the field in `param`.
Result<Tokens> tokens_of(const ReadyModel& model, const TokenizeRequest& request);

/// The text of a list of ids, special tokens included. Errors: invalid_argument (an id outside the
/// vocabulary, over a million of them).
Result<std::string> text_of_ids(const ModelCard& model, const Ids& ids);

}  // namespace weir::serve
