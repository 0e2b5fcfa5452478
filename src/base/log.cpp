#include "weir/base/log.h"

#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>
#include <mutex>
#include <string_view>

#include "weir/base/log_writer.h"
#include "weir/base/utf8.h"

namespace weir {
namespace {

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

// The message on one line: a line break in it must not look like a second record. For JSON also the
// quotes.
class EscapedMessage final : public spdlog::custom_flag_formatter {
 public:
  explicit EscapedMessage(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    std::string_view text(message.payload.data(), message.payload.size());
    while (!text.empty()) {
      size_t length = utf8_length(text);
      if (length == 0) append(out, "\xEF\xBF\xBD");
      if (length == 1) put(out, text[0]);
      if (length > 1) append(out, text.substr(0, length));
      text.remove_prefix(std::max<size_t>(length, 1));
    }
  }

  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<EscapedMessage>(format_);
  }

 private:
  void put(spdlog::memory_buf_t& out, char c) const {
    constexpr std::string_view kHex = "0123456789abcdef";
    auto code = static_cast<unsigned char>(c);
    if (c == '\n') return append(out, "\\n");
    if (c == '\r') return append(out, "\\r");
    if (c == '\t') return append(out, "\\t");
    if (code < 0x20 || code == 0x7F) {
      append(out, "\\u00");
      out.push_back(kHex[code >> 4]);
      return out.push_back(kHex[code & 15]);
    }
    if (format_ == LogFormat::json && (c == '"' || c == '\\')) out.push_back('\\');
    out.push_back(c);
  }

  LogFormat format_;
};

constexpr std::chrono::seconds kFlushLimit{1};

// Of trace, debug, info, warning, error, critical, as spdlog's own sinks colour them.
constexpr std::array<std::string_view, 6> kColours{
    "\033[37m", "\033[36m", "\033[32m", "\033[33m\033[1m", "\033[31m\033[1m", "\033[1m\033[41m"};
constexpr std::string_view kPlain = "\033[m";

bool has_colours() {
  return spdlog::details::os::in_terminal(stderr) && spdlog::details::os::is_color_terminal();
}

/// A line's text, its coloured range as the formatter left it.
std::string line_of(spdlog::formatter& formatter, const spdlog::details::log_msg& message,
                    bool coloured) {
  spdlog::memory_buf_t text;
  formatter.format(message, text);
  std::string line(text.data(), text.size());
  const auto level = static_cast<size_t>(message.level);
  if (!coloured || level >= kColours.size() || message.color_range_end <= message.color_range_start)
    return line;
  line.insert(message.color_range_end, kPlain);
  line.insert(message.color_range_start, kColours[level]);
  return line;
}

// spdlog's own sinks write in the thread that logs, and its asynchronous ones wait for their writer
// at the end: both hang with a pipe that nobody reads.
class QueuedSink final : public spdlog::sinks::sink {
 public:
  explicit QueuedSink(std::unique_ptr<spdlog::formatter> formatter)
      : coloured_(has_colours()),
        formatter_(std::move(formatter)),
        writer_({.dropped_line = dropped_line(formatter_->clone(), coloured_)}) {}

  void log(const spdlog::details::log_msg& message) override {
    std::string line;
    {
      std::lock_guard lock(mutex_);
      line = line_of(*formatter_, message, coloured_);
    }
    writer_.put(std::move(line));
  }
  void flush() override { writer_.drain(kFlushLimit); }
  void set_pattern(const std::string&) override {}  // start_log decides it
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  LogWriter& writer() { return writer_; }

 private:
  /// For the writing thread, which outlives the sink where it is stuck.
  static std::function<std::string(uint64_t)> dropped_line(
      std::shared_ptr<spdlog::formatter> formatter, bool coloured) {
    return [formatter, coloured](uint64_t count) {
      const std::string text = fmt::format("{} lines of the log were dropped: nobody read", count);
      return line_of(*formatter, {"", spdlog::level::warn, text}, coloured);
    };
  }

  const bool coloured_;
  std::mutex mutex_;  // of the formatter
  const std::unique_ptr<spdlog::formatter> formatter_;
  LogWriter writer_;
};

/// Null: start_log() was not called.
QueuedSink* sink_of_log() {
  const auto logger = spdlog::default_logger();
  return logger->sinks().empty() ? nullptr : dynamic_cast<QueuedSink*>(logger->sinks()[0].get());
}

}  // namespace

Result<void> start_log(LogFormat format, const std::string& level) {
  auto wanted = spdlog::level::from_str(level);
  if (wanted == spdlog::level::off && level != "off") {
    return invalid("log level \"" + level +
                   "\" is not one of trace, debug, info, warning, error, critical, off");
  }
  const bool json = format == LogFormat::json;
  auto formatter = std::make_unique<spdlog::pattern_formatter>(
      json ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
  formatter->add_flag<EscapedMessage>('*', format)
      .set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%*"})"
                        : "%Y-%m-%d %H:%M:%S.%e %^%-8l%$ %*");
  auto logger =
      std::make_shared<spdlog::logger>("", std::make_shared<QueuedSink>(std::move(formatter)));
  logger->set_level(wanted);
  spdlog::set_default_logger(std::move(logger));
  return {};
}

void log_warning(const std::string& text) { spdlog::warn("{}", text); }

void show_beside_log(std::string text) {
  if (QueuedSink* sink = sink_of_log()) sink->writer().put(std::move(text));
}

bool drain_log(std::chrono::milliseconds limit) {
  QueuedSink* sink = sink_of_log();
  return sink == nullptr || sink->writer().drain(limit);
}

uint64_t log_lines_dropped() {
  QueuedSink* sink = sink_of_log();
  return sink == nullptr ? 0 : sink->writer().dropped();
}

}  // namespace weir
