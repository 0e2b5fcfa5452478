#pragma once

#include <spdlog/fmt/fmt.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "weir/base/error_name.h"
#include "weir/base/result.h"
#include "weir/serve/served_model.h"

namespace weir::serve {

/// The error for a request over the model's context, in OpenAI's words. Clients that shorten their
/// prompt or choose a larger model look for the beginning of the message or for the error's name.
/// LangChain looks for the name in the message, so the name stands there too. `excess`: a sentence.
inline Error context_exceeded(uint32_t context, const std::string& excess, std::string param) {
  return invalid(fmt::format("This model's maximum context length is {} tokens. {} ({})", context,
                             excess, error_name::kContextLengthExceeded),
                 std::move(param), error_name::kContextLengthExceeded);
}

/// How many tokens of a text a model takes.
struct TokenLimit {
  uint32_t tokens = 0;
  bool of_encoder = false;  // of an encoder-decoder; else the context's
};

/// The limit of a request's prompt.
inline TokenLimit prompt_limit(const ModelCard& model) {
  if (model.encoder) return {.tokens = model.encoder->max_tokens, .of_encoder = true};
  return {.tokens = model.max_model_len};
}

/// Of an encoder-decoder only.
inline std::optional<uint32_t> max_source_len(const ModelCard& model) {
  return model.encoder ? std::optional(model.encoder->max_tokens) : std::nullopt;
}

/// The error for a text over `limit`. `clause`: what is too much, as "prompt has 600 tokens". Only
/// the context's message begins with OpenAI's words, since they would be wrong of an encoder.
inline Error limit_exceeded(TokenLimit limit, const std::string& clause, std::string param) {
  if (!limit.of_encoder)
    return context_exceeded(limit.tokens, "However, " + clause + '.', std::move(param));
  return invalid(fmt::format("{}; this model's encoder takes {} tokens ({})", clause, limit.tokens,
                             error_name::kContextLengthExceeded),
                 std::move(param), error_name::kContextLengthExceeded);
}

inline constexpr const char* kMessages = "messages";

/// The beginning of `excess`: "prompt has", or OpenAI's words for a conversation.
inline std::string subject(const std::string& name) {
  return name == kMessages ? "your messages resulted in" : name + " has";
}

}  // namespace weir::serve
