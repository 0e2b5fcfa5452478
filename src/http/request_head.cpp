#include "http/request_head.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/shown.h"

namespace weir::http {
namespace {

constexpr int kBadRequest = 400, kTargetTooLong = 414, kFieldsTooLarge = 431;
constexpr size_t kMaxLine = size_t{8} << 10;
constexpr size_t kMaxFields = 100;
constexpr size_t kMaxBytes = size_t{64} << 10;

}  // namespace

RequestHead::State RequestHead::look(std::string_view bytes) {
  for (;;) {
    const size_t feed = bytes.find('\n', looked_);
    looked_ = std::min(feed, bytes.size());
    const std::string_view line = bytes.substr(line_, looked_ - line_);
    if (line.size() >= kMaxLine) {
      if (lines_ == 0)
        return refuse(kTargetTooLong,
                      fmt::format("the request line is over the limit of {} bytes", kMaxLine));
      return refuse(kFieldsTooLarge, fmt::format("header field {} is over the limit of {} bytes",
                                                 shown(line.substr(0, line.find(':'))), kMaxLine));
    }
    if (looked_ > kMaxBytes)
      return refuse(kFieldsTooLarge,
                    fmt::format("the header is over the limit of {} bytes", kMaxBytes));
    if (feed == std::string_view::npos) return State::partial;
    if (const State state = end_line(line); state != State::partial) return state;
    line_ = ++looked_;
  }
}

RequestHead::State RequestHead::end_line(std::string_view line) {
  if (!line.ends_with('\r'))
    return refuse(kBadRequest, "a line of the header ends with LF alone, not with CR LF");
  line.remove_suffix(1);
  if (line.empty() && lines_ > 0) return State::complete;
  if (lines_ > kMaxFields)
    return refuse(kFieldsTooLarge, fmt::format("the header has more than {} fields", kMaxFields));
  auto fault = lines_++ == 0 ? fault_of_request_line(line) : fields_.fault_of(line);
  return fault ? refuse(fault->status, std::move(fault->message)) : State::partial;
}

RequestHead::State RequestHead::refuse(int status, std::string message) {
  fault_ = WireFault{status, std::move(message)};
  return State::refused;
}

}  // namespace weir::http
