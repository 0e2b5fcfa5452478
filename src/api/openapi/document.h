#pragma once

#include <span>

#include "api/codec/json_reader.h"
#include "weir/api/route.h"

namespace weir::api {

/// The routes as an OpenAPI 3.1 document: every parameter, body, answer and error of each.
Json openapi_document(std::span<const Route> routes, const Api& api);

}  // namespace weir::api
