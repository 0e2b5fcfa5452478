#pragma once

#include "api/schema/schema.h"
#include "weir/api/api.h"
#include "weir/api/call.h"

namespace weir::api {

/// Answers a dry run of `ask`: its charge and its place in line. `ids`: with its tokens.
Result<Said> answer_dry_run(Call& call, Api& api, const serve::Ask& ask, bool ids);
/// The schema of that answer.
Json dry_run_answer();

}  // namespace weir::api
