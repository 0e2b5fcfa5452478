#pragma once

#include "api/schema/schema.h"

/// Schemas of the bodies that src/api/codec/requests.h reads.
namespace weir::api::openai {

Json chat_request();
Json completion_request();
Json embedding_request();

}  // namespace weir::api::openai
