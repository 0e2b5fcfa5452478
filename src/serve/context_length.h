#pragma once

#include <spdlog/fmt/fmt.h>

#include <cstdint>
#include <string>
#include <utility>

#include "weir/base/error_name.h"
#include "weir/base/result.h"

namespace weir::serve {

/// The error for a request over the model's context, in OpenAI's words. Clients that shorten their
/// prompt or choose a larger model look for the beginning of the message or for the error's name.
/// LangChain looks for the name in the message, so the name stands there too. `excess`: a sentence.
inline Error context_exceeded(uint32_t context, const std::string& excess, std::string param) {
  return invalid(fmt::format("This model's maximum context length is {} tokens. {} ({})", context,
                             excess, error_name::kContextLengthExceeded),
                 std::move(param), error_name::kContextLengthExceeded);
}

inline constexpr const char* kMessages = "messages";

/// The beginning of `excess`: "prompt has", or OpenAI's words for a conversation.
inline std::string subject(const std::string& name) {
  return name == kMessages ? "your messages resulted in" : name + " has";
}

}  // namespace weir::serve
