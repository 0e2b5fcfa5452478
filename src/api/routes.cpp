#include <array>

#include "api/openai/handlers.h"
#include "api/routes/handlers.h"
#include "weir/api/route.h"

namespace weir::api {

std::span<const Route> routes() {
  using enum Access;
  constexpr const Dialect* kOpenAi = &openai::kDialect;
  static constexpr std::array kRoutes{
      Route{"POST", "/v1/chat/completions", work, kOpenAi, openai::post_chat_completions, true},
      Route{"POST", "/v1/completions", work, kOpenAi, openai::post_completions, true},
      Route{"POST", "/v1/embeddings", work, kOpenAi, openai::post_embeddings, true},
      Route{"POST", "/tokenize", work, kOpenAi, post_tokenize},
      Route{"POST", "/detokenize", work, kOpenAi, post_detokenize},
      Route{"GET", "/v1/models", key, kOpenAi, openai::get_models},
      Route{"GET", "/v1/models/{id}", key, kOpenAi, openai::get_model},
      Route{"GET", "/v1/usage", key, kOpenAi, get_usage},
      Route{"GET", "/health", open, kOpenAi, get_health},
      Route{"GET", "/ready", open, kOpenAi, get_ready},
      Route{"GET", "/metrics", open, kOpenAi, get_metrics},
      Route{"GET", "/version", open, kOpenAi, get_version},
  };
  return kRoutes;
}

}  // namespace weir::api
