#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/log.h"
#include "weir/base/log_line.h"

namespace weir {

/// The most columns of a line of text.
inline constexpr size_t kLogColumns = 120;

/// Writes lines of the log, each with its line break. Control characters are escaped and bytes that
/// are no UTF-8 replaced, so that nothing in a line looks like another line. Thread-safe.
class LogForm {
 public:
  using Time = std::chrono::system_clock::time_point;
  struct Head {
    Time time;
    std::string_view level;   // spdlog's word
    std::string_view colour;  // of the level, as an escape sequence; empty: none
  };

  explicit LogForm(LogFormat format) : format_(format) {}

  /// As text, a message that is longer than a line goes on in the next, behind blanks.
  std::string line(const Head& head, std::string_view message) const;
  std::string line(const Head& head, std::string_view event,
                   const std::vector<LogField>& fields) const;

 private:
  const LogFormat format_;
};

/// The columns with a blank between them. Where they have more than `width` characters together,
/// the one with most above its least is cut, and then the end. REQUIRES: width > 0
std::string joined_columns(const std::vector<LogField>& fields, size_t width);

}  // namespace weir
