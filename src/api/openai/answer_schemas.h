#pragma once

#include "api/schema/schema.h"

/// Bodies of answers, as the texts beside them write them.
namespace weir::api::openai {

/// An answer, or what a dry run says.
Json chat_answer();
Json completion_answer();
/// The data of a stream's event: a chunk, or the error that ends it.
Json chat_chunk();
Json completion_chunk();
Json embedding_answer();
Json models_answer();
Json model_answer();

}  // namespace weir::api::openai
