#include "weir/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>
#include <string_view>

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

}  // namespace

Result<void> start_log(LogFormat format, const std::string& level) {
  auto wanted = spdlog::level::from_str(level);
  if (wanted == spdlog::level::off && level != "off") {
    return invalid("log level \"" + level +
                   "\" is not one of trace, debug, info, warning, error, critical, off");
  }
  std::shared_ptr<spdlog::sinks::sink> sink;
  std::string pattern;
  auto time = spdlog::pattern_time_type::local;
  if (format == LogFormat::json) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    pattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%*"})";
    time = spdlog::pattern_time_type::utc;
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    pattern = "%Y-%m-%d %H:%M:%S.%e %^%-8l%$ %*";
  }
  auto formatter = std::make_unique<spdlog::pattern_formatter>(time);
  formatter->add_flag<EscapedMessage>('*', format).set_pattern(pattern);
  auto logger = std::make_shared<spdlog::logger>("", std::move(sink));
  logger->set_formatter(std::move(formatter));
  logger->set_level(wanted);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  return {};
}

}  // namespace weir
