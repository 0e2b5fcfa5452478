#pragma once

#include "api/schema/schema.h"

/// Bodies of requests, as src/api/codec/requests.h reads them.
namespace weir::api::openai {

Json chat_request();
Json completion_request();
Json embedding_request();

}  // namespace weir::api::openai
