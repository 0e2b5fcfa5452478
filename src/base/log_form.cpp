#include "base/log_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "weir/base/utf8.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD", kCut = "…", kPlain = "\033[m";

/// Calls `put` with each character's bytes, and with kReplacement for a byte that begins none.
template <class Put>
void each_character(std::string_view text, const Put& put) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    put(length == 0 ? kReplacement : text.substr(0, length));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// The first `count` characters of UTF-8.
std::string_view first(std::string_view text, size_t count) {
  size_t at = 0;
  for (; at < text.size(); ++at)
    if ((text[at] & 0xC0) != 0x80 && count-- == 0) break;
  return text.substr(0, at);
}

/// Whether a terminal would obey it or turn the line around: a control of C1, a break of lines or
/// paragraphs, a mark of direction.
bool steers(std::string_view character) {
  if (character.size() == 2) return character[0] == '\xC2' && character < "\xC2\xA0";
  if (character.size() != 3) return false;
  return (character >= "\xE2\x80\x8E" && character <= "\xE2\x80\x8F") ||
         (character >= "\xE2\x80\xA8" && character <= "\xE2\x80\xAE") ||
         (character >= "\xE2\x81\xA6" && character <= "\xE2\x81\xA9");
}

/// As nearly all text of the log is.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

std::string escaped(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  each_character(text, [&](std::string_view character) {
    const auto code = static_cast<unsigned char>(character[0]);
    if (character == "\n") {
      out += "\\n";
    } else if (character == "\r") {
      out += "\\r";
    } else if (character == "\t") {
      out += "\\t";
    } else if (code < 0x20 || code == 0x7F) {
      out += fmt::format("\\u{:04x}", code);
    } else if (steers(character)) {
      out += kReplacement;
    } else {
      out += character;
    }
  });
  return out;
}

std::tm calendar(std::chrono::system_clock::time_point time, bool utc) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  utc ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts);
  return parts;
}

int64_t milliseconds_of(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::floor<milliseconds>(time.time_since_epoch());
  return (since % std::chrono::seconds(1)).count();
}

struct Begin {
  std::string text;
  size_t columns = 0;
};

/// "12-01 23:43:37.123 info  ": the year is in no doubt, and the columns are few.
Begin begin(const LogForm::Head& head) {
  const std::tm at = calendar(head.time, false);
  const std::string_view word = head.level == "warning"    ? "warn"
                                : head.level == "critical" ? "crit"
                                                           : head.level;
  Begin made{.text = fmt::format("{:02}-{:02} {:02}:{:02}:{:02}.{:03} ", at.tm_mon + 1, at.tm_mday,
                                 at.tm_hour, at.tm_min, at.tm_sec, milliseconds_of(head.time)),
             .columns = 0};
  const std::string level = fmt::format("{:<5} ", word);
  made.columns = made.text.size() + level.size();
  made.text += head.colour;
  made.text += level;
  if (!head.colour.empty()) made.text += kPlain;
  return made;
}

/// How many bytes of `text` stand in a line of `width` characters: up to a blank, where there is
/// one.
size_t line_end(std::string_view text, size_t width) {
  const std::string_view most = first(text, width);
  if (most.size() == text.size()) return text.size();
  const bool at_blank = text[most.size()] == ' ';
  const size_t blank = at_blank ? most.size() : most.rfind(' ');
  return blank == std::string_view::npos || blank == 0 ? most.size() : blank;
}

nlohmann::ordered_json object(const LogForm::Head& head) {
  const std::tm at = calendar(head.time, true);
  return {{"time", fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", at.tm_year + 1900,
                               at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec,
                               milliseconds_of(head.time))},
          {"level", head.level}};
}

std::string written(const nlohmann::ordered_json& object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace

std::string LogForm::line(const Head& head, std::string_view message) const {
  if (format_ == LogFormat::json) {
    auto line = object(head);
    line["message"] = message;
    return written(line);
  }
  Begin made = begin(head);
  const std::string text = escaped(message);
  std::string_view left = text;
  const size_t width = kLogColumns - made.columns;
  for (bool first_line = true; first_line || !left.empty(); first_line = false) {
    if (!first_line) made.text.append(made.columns, ' ');
    const size_t end = line_end(left, width);
    made.text += left.substr(0, end);
    made.text += '\n';
    left.remove_prefix(std::min(left.size(), left.find_first_not_of(' ', end)));
  }
  return std::move(made.text);
}

std::string LogForm::line(const Head& head, std::string_view event,
                          const std::vector<LogField>& fields) const {
  if (format_ == LogFormat::json) {
    auto line = object(head);
    line["event"] = event;
    for (const LogField& field : fields)
      std::visit([&](const auto& value) { line[std::string(field.name)] = value; }, field.value);
    return written(line);
  }
  Begin made = begin(head);
  made.text += joined_columns(fields, kLogColumns - made.columns);
  made.text += '\n';
  return std::move(made.text);
}

std::string joined_columns(const std::vector<LogField>& fields, size_t width) {
  struct Column {
    std::string text;
    size_t length, least;
    size_t excess() const { return length > least ? length - least : 0; }
  };
  std::vector<Column> columns;
  size_t total = 0;
  for (const LogField& field : fields) {
    if (field.column.empty()) continue;
    std::string text = escaped(field.column);
    const size_t length = characters(text);
    total += length + (columns.empty() ? 0 : 1);
    columns.push_back({std::move(text), length, std::max<size_t>(field.least, 1)});
  }
  while (total > width) {
    const auto longest =
        std::max_element(columns.begin(), columns.end(),
                         [](const Column& a, const Column& b) { return a.excess() < b.excess(); });
    if (longest == columns.end() || longest->excess() == 0) break;
    const size_t cut = std::min(longest->excess(), total - width);
    longest->length -= cut;
    longest->text = std::string(first(longest->text, longest->length - 1)).append(kCut);
    total -= cut;
  }
  std::string joined;
  for (const Column& column : columns) {
    if (!joined.empty()) joined += ' ';
    joined += column.text;
  }
  return total <= width ? joined : std::string(first(joined, width - 1)).append(kCut);
}

}  // namespace weir
