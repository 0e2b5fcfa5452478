#pragma once

#include <string>

#include "weir/base/result.h"

namespace weir::api::openai {

/// `{"error":{"message","type","param","code"}}`. What an internal error says stays in the log.
std::string error_body(const Error& error);

}  // namespace weir::api::openai
