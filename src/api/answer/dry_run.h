#pragma once

#include "weir/api/api.h"
#include "weir/api/call.h"

namespace weir::api {

/// Answers with what `request` would be charged and where it would stand. `ids`: with its tokens.
Result<Said> answer_dry_run(Call& call, Api& api, const serve::AnyRequest& request, bool ids);

}  // namespace weir::api
