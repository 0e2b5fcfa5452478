#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "weir/base/result.h"

namespace weir {

enum class LogFormat : uint8_t { text, json };

/// Sets up spdlog's default logger on standard error. `level` is spdlog's own word: trace ...
/// critical, off. Who logs never waits for who reads standard error: lines wait in a queue of 1 MiB
/// for a thread that writes them, and what does not fit is dropped and counted.
Result<void> start_log(LogFormat format, const std::string& level);

/// For files that cannot include spdlog, since torch's headers bring another fmt.
void log_warning(const std::string& text);

/// Text as it is, in its place between the lines of the log: a progress bar.
void show_beside_log(std::string text);

/// Before the process ends. Waits until all is written, at most `limit`: a reader that stands still
/// does not hold up the end. Returns whether all is written.
bool drain_log(std::chrono::milliseconds limit);

/// Lines that were dropped since start_log().
uint64_t log_lines_dropped();

}  // namespace weir
