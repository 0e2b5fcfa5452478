#pragma once

#include "weir/api/route.h"

/// Handlers of weir's own routes.
namespace weir::api {

Result<Said> post_classify(Call&, Api&);
Result<Said> post_tag(Call&, Api&);
Result<Said> post_analyze(Call&, Api&);
Result<Said> post_tokenize(Call&, Api&);
Result<Said> post_detokenize(Call&, Api&);
Result<Said> get_usage(Call&, Api&);
Result<Said> get_health(Call&, Api&);
Result<Said> get_ready(Call&, Api&);
Result<Said> get_metrics(Call&, Api&);
Result<Said> get_version(Call&, Api&);
Result<Said> get_openapi(Call&, Api&);
Result<Said> get_docs(Call&, Api&);

}  // namespace weir::api
