#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weir {

enum class LogLevel : uint8_t { debug, info, warning, error };

/// One field of a line. As JSON it is `"name": value`; as text it is its column.
struct LogField {
  std::string_view name;  // a literal
  std::variant<std::string, int64_t, double> value;
  std::string column = {};  // empty: the text has none
  size_t least = SIZE_MAX;  // a column that is longer may be cut to so many characters
};

/// Writes a line that consists of fields: as JSON one object with `event` first; as text the
/// columns, with a blank between them, cut where the line would be over its columns. Thread-safe.
/// Never waits for the log's reader.
void log_fields(LogLevel level, std::string_view event, const std::vector<LogField>& fields);

/// Whether lines of this level are written. Asked before fields are made that cost something.
bool logs(LogLevel level);

}  // namespace weir
