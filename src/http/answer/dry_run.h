#pragma once

#include "http/exchange.h"
#include "weir/base/result.h"

namespace httplib {
struct Response;
}

namespace weir::http {

/// Answers with what `request` would be charged and where it would stand. `ids`: with its tokens.
Result<void> answer_dry_run(Exchange& exchange, httplib::Response& response,
                            const serve::AnyRequest& request, bool ids);

}  // namespace weir::http
