#pragma once

#include "api/schema/route_schema.h"

namespace weir::api {

extern const RouteSchema kClassify, kTag, kAnalyze, kTokenize, kDetokenize, kUsage, kHealth, kReady,
    kMetrics, kVersion, kOpenApi, kDocs;

}  // namespace weir::api
