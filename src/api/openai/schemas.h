#pragma once

#include "api/schema/route_schema.h"

namespace weir::api::openai {

extern const RouteSchema kChatCompletions, kCompletions, kEmbeddings, kModels, kModel;

}  // namespace weir::api::openai
