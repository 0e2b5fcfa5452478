#pragma once

#include "api/schema/schema.h"

/// Schemas of the answers that generation_text.h and vector_text.h write.
namespace weir::api::openai {

/// An answer, or that of a dry run.
Json chat_answer();
Json completion_answer();
/// The data of a stream's event: a chunk, or the error that ends the stream.
Json chat_chunk();
Json completion_chunk();
Json embedding_answer();
Json models_answer();
Json model_answer();

}  // namespace weir::api::openai
