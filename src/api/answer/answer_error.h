#pragma once

#include "weir/api/api.h"
#include "weir/base/result.h"

namespace weir::api {

/// The HTTP status of an answer with this error.
int status_of(const Error& error, const Api& api);

}  // namespace weir::api
