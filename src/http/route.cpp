#include "http/route.h"

#include <array>

namespace weir::http {

std::span<const Route> routes() {
  static constexpr std::array kRoutes{
      Route{"POST", "/v1/chat/completions", Access::work, post_chat_completions, true},
      Route{"POST", "/v1/completions", Access::work, post_completions, true},
      Route{"POST", "/v1/embeddings", Access::work, post_embeddings, true},
      Route{"POST", "/tokenize", Access::work, post_tokenize},
      Route{"POST", "/detokenize", Access::work, post_detokenize},
      Route{"GET", "/v1/models", Access::key, get_models},
      Route{"GET", "/v1/models/{id}", Access::key, get_model},
      Route{"GET", "/v1/usage", Access::key, get_usage},
      Route{"GET", "/health", Access::open, get_health},
      Route{"GET", "/ready", Access::open, get_ready},
      Route{"GET", "/metrics", Access::open, get_metrics},
      Route{"GET", "/version", Access::open, get_version},
  };
  return kRoutes;
}

}  // namespace weir::http
