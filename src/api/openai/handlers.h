#pragma once

#include "api/openai/error_text.h"
#include "weir/api/route.h"

/// OpenAI's dialect; weir's own routes speak it too.
namespace weir::api::openai {

inline constexpr Dialect kDialect{.name = "OpenAI",
                                  .error_body = error_body,
                                  .error_schema = kErrorSchema,
                                  .secret_header = "Authorization",
                                  .secret_scheme = "Bearer"};

Result<Said> post_chat_completions(Call&, Api&);
Result<Said> post_completions(Call&, Api&);
Result<Said> post_embeddings(Call&, Api&);
Result<Said> get_models(Call&, Api&);
Result<Said> get_model(Call&, Api&);

}  // namespace weir::api::openai
