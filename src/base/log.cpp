#include "weir/base/log.h"

#include <spdlog/details/os.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>
#include <string_view>

#include "base/log_form.h"
#include "weir/base/log_line.h"
#include "weir/base/log_writer.h"

namespace weir {
namespace {

constexpr std::chrono::seconds kFlushLimit{1};

// Of trace, debug, info, warning, error, critical, as spdlog's own sinks colour them.
constexpr std::array<std::string_view, 6> kColours{
    "\033[37m", "\033[36m", "\033[32m", "\033[33m\033[1m", "\033[31m\033[1m", "\033[1m\033[41m"};

bool has_colours() {
  return spdlog::details::os::in_terminal(stderr) && spdlog::details::os::is_color_terminal();
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

// spdlog's own sinks write in the thread that logs, and its asynchronous ones wait for their writer
// at the end: both hang with a pipe that nobody reads.
class QueuedSink final : public spdlog::sinks::sink {
 public:
  explicit QueuedSink(LogFormat format)
      : form_(format),
        coloured_(format == LogFormat::text && has_colours()),
        writer_({.dropped_line = dropped_line(form_, coloured_)}) {}

  void log(const spdlog::details::log_msg& message) override {
    writer_.put(form_.line(head(message.time, message.level, coloured_),
                           {message.payload.data(), message.payload.size()}));
  }
  void log(spdlog::level::level_enum level, std::string_view event,
           const std::vector<LogField>& fields) {
    writer_.put(
        form_.line(head(std::chrono::system_clock::now(), level, coloured_), event, fields));
  }
  void flush() override { writer_.drain(kFlushLimit); }
  void set_pattern(const std::string&) override {}  // LogForm decides it
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  LogWriter& writer() { return writer_; }

 private:
  static LogForm::Head head(LogForm::Time time, spdlog::level::level_enum level, bool coloured) {
    const auto word = spdlog::level::to_string_view(level);
    const auto index = static_cast<size_t>(level);
    return {.time = time,
            .level = {word.data(), word.size()},
            .colour = coloured && index < kColours.size() ? kColours[index] : ""};
  }
  /// For the writing thread, which outlives the sink where it is stuck.
  static std::function<std::string(uint64_t)> dropped_line(LogForm form, bool coloured) {
    return [form, coloured](uint64_t count) {
      return form.line(head(std::chrono::system_clock::now(), spdlog::level::warn, coloured),
                       fmt::format("{} lines of the log were dropped: nobody read", count));
    };
  }

  const LogForm form_;
  const bool coloured_;
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
  auto logger = std::make_shared<spdlog::logger>("", std::make_shared<QueuedSink>(format));
  logger->set_level(wanted);
  spdlog::set_default_logger(std::move(logger));
  return {};
}

void log_warning(const std::string& text) { spdlog::warn("{}", text); }

bool logs(LogLevel level) { return spdlog::should_log(level_of(level)); }

void log_fields(LogLevel level, std::string_view event, const std::vector<LogField>& fields) {
  if (!logs(level)) return;
  if (QueuedSink* sink = sink_of_log()) return sink->log(level_of(level), event, fields);
  spdlog::log(level_of(level), "{}", joined_columns(fields, SIZE_MAX));
}

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
