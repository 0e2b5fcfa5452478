#include <array>

#include "api/openai/handlers.h"
#include "api/openai/schemas.h"
#include "api/routes/handlers.h"
#include "api/routes/schemas.h"
#include "weir/api/route.h"

namespace weir::api {

std::span<const Route> routes() {
  using enum Access;
  using enum serve::HeadTask;
  constexpr const Dialect* kOpenAi = &openai::kDialect;
  static constexpr std::array kRoutes{
      Route{"POST",
            "/v1/chat/completions",
            work,
            kOpenAi,
            openai::post_chat_completions,
            &openai::kChatCompletions,
            true,
            {.tasks = {generate}, .conversation = true}},
      Route{"POST",
            "/v1/completions",
            work,
            kOpenAi,
            openai::post_completions,
            &openai::kCompletions,
            true,
            {.tasks = {generate}}},
      Route{"POST",
            "/v1/embeddings",
            work,
            kOpenAi,
            openai::post_embeddings,
            &openai::kEmbeddings,
            true,
            {.tasks = {embed}}},
      Route{"POST",
            "/v1/classify",
            work,
            kOpenAi,
            post_classify,
            &kClassify,
            true,
            {.tasks = {classify}}},
      Route{"POST", "/v1/tag", work, kOpenAi, post_tag, &kTag, true, {.tasks = {tag}}},
      Route{"POST",
            "/v1/analyze",
            work,
            kOpenAi,
            post_analyze,
            &kAnalyze,
            true,
            {.tasks = {embed, classify, tag}}},
      Route{"POST", "/tokenize", work, kOpenAi, post_tokenize, &kTokenize},
      Route{"POST", "/detokenize", work, kOpenAi, post_detokenize, &kDetokenize},
      Route{"GET", "/v1/models", key, kOpenAi, openai::get_models, &openai::kModels},
      Route{"GET", "/v1/models/{id}", key, kOpenAi, openai::get_model, &openai::kModel},
      Route{"GET", "/v1/usage", key, kOpenAi, get_usage, &kUsage},
      Route{"GET", "/health", open, kOpenAi, get_health, &kHealth},
      Route{"GET", "/ready", open, kOpenAi, get_ready, &kReady},
      Route{"GET", "/metrics", open, kOpenAi, get_metrics, &kMetrics},
      Route{"GET", "/version", open, kOpenAi, get_version, &kVersion},
      Route{"GET", "/openapi.json", open, kOpenAi, get_openapi, &kOpenApi},
      Route{"GET", "/docs", open, kOpenAi, get_docs, &kDocs},
  };
  return kRoutes;
}

}  // namespace weir::api
