#pragma once

#include <string>

#include "weir/base/result.h"

namespace weir {

enum class LogFormat : uint8_t { text, json };

/// Sets up spdlog's default logger on standard error. `level` is spdlog's own word: trace ...
/// critical, off.
Result<void> start_log(LogFormat format, const std::string& level);

}  // namespace weir
