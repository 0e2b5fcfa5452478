#include "weir/serve/request_line.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "ticket.h"
#include "weir/base/excerpt.h"
#include "weir/base/log_line.h"
#include "weir/traffic/key.h"

namespace weir::serve {
namespace {

constexpr size_t kMostPath = 200;  // bytes of a path that a client made up

double rounded(double value) { return std::round(value * 10) / 10; }

/// Completion tokens in a second of decoding; the first one is the prompt's.
std::optional<double> tokens_per_second(const RequestLine::Work& work) {
  const double decoded =
      static_cast<double>(work.usage.completion_tokens) - static_cast<double>(work.rows);
  if (work.usage.decode_ms <= 0 || decoded <= 0) return std::nullopt;
  return decoded / work.usage.decode_ms * 1e3;
}

class Fields {
 public:
  /// `column`: empty where the text has none.
  void text(std::string_view name, std::string value, std::string column = {},
            size_t least = SIZE_MAX) {
    if (!value.empty()) list_.push_back({name, std::move(value), std::move(column), least});
  }
  void count(std::string_view name, size_t value, std::string column = {}) {
    list_.push_back({name, static_cast<int64_t>(value), std::move(column)});
  }
  void number(std::string_view name, double value, std::string column = {}) {
    list_.push_back({name, rounded(value), std::move(column)});
  }
  std::vector<LogField>& list() { return list_; }

 private:
  std::vector<LogField> list_;
};

void add_wire(Fields& to, const RequestLine::Wire& wire) {
  to.text("method", wire.method, wire.method);
  const std::string path = excerpt(wire.path, kMostPath);
  to.text("path", path, path, 12);
  to.count("status", static_cast<size_t>(wire.status), std::to_string(wire.status));
  to.number("ms", wire.took.count(), fmt::format("{:.0f}ms", wire.took.count()));
}

void add_times(Fields& to, const RequestLine::Work& work) {
  to.count("wait_ms", static_cast<size_t>(work.waited.count()));
  to.number("queue_ms", work.usage.queue_ms);
  to.number("prefill_ms", work.usage.prefill_ms);
  to.number("decode_ms", work.usage.decode_ms);
}

void add_work(Fields& to, const RequestLine::Work& work) {
  if (!work.finish.empty()) {
    const Usage& usage = work.usage;
    to.count("rows", work.rows);
    to.count("prompt_tokens", usage.prompt_tokens,
             fmt::format("{}+{} tok", usage.prompt_tokens, usage.completion_tokens));
    to.count("cached_tokens", usage.cached_tokens);
    to.count("completion_tokens", usage.completion_tokens);
    if (const auto speed = tokens_per_second(work))
      to.number("tokens_per_s", *speed, fmt::format("{:.1f}/s", *speed));
    add_times(to, work);
    to.text("finish", std::string(work.finish),
            work.finish == "abort" || work.finish == "error" ? std::string(work.finish) : "");
  }
  to.text("task", std::string(work.task));
  to.text("response_cache", std::string(work.response_cache));
  to.text("model", work.model, work.model, 8);
}

void add_identity(Fields& to, const RequestLine::Wire& wire) {
  to.text("key", wire.key, wire.key == traffic::kAnonymous ? "" : "key=" + wire.key, 10);
  to.text("id", wire.id, wire.id, 20);
  to.text("peer", wire.peer);
}

void add_failure(Fields& to, const RequestLine& line) {
  if (const auto refusal = line.wire.refusal ? line.wire.refusal : line.work.refusal) {
    const std::string code(code_word(*refusal));
    to.text("code", code, code);
  }
  to.text("error", line.wire.failure, line.wire.failure, 1);
}

}  // namespace

RequestLine::~RequestLine() {
  const LogLevel level = wire.quiet ? LogLevel::debug : LogLevel::info;
  if (!logs(level)) return;
  Fields fields;
  add_wire(fields, wire);
  add_failure(fields, *this);
  add_work(fields, work);
  add_identity(fields, wire);
  log_fields(level, "request", fields.list());
}

}  // namespace weir::serve
