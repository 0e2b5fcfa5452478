#include <algorithm>

#include "traffic/gate_impl.h"
#include "weir/traffic/duration.h"

namespace weir::traffic {
namespace {

const char* unit_name(Unit unit) {
  switch (unit) {
    case Unit::requests:
      return "requests";
    case Unit::tokens:
      return "tokens";
    case Unit::input_tokens:
      return "input tokens";
    case Unit::output_tokens:
      return "output tokens";
    case Unit::concurrent:
      return "concurrent requests";
  }
  return "";
}

/// "key web may use 60 requests in 60s"
std::string rule_of(const Waiter& waiter) {
  const Limit& limit = waiter.blocker.limit;
  bool of_key = waiter.blocker.id.starts_with("key:");
  std::string owner = of_key ? "key " + waiter.client : "model " + waiter.model;
  return owner + " may use " + std::to_string(limit.cap) + " " + unit_name(limit.unit) + " in " +
         to_string(limit.window);
}

Error limit_error(const Waiter& waiter, Code code, std::string message) {
  Unit unit = waiter.blocker.limit.unit;
  return Error{.code = code,
               .message = std::move(message),
               .limit_unit = unit == Unit::requests ? "requests" : "tokens"};
}

}  // namespace

Error refusal(const Waiter& waiter, TimePoint now) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(waiter.due - now);
  left = std::max(left, std::chrono::milliseconds(1));
  Error error =
      limit_error(waiter, Code::rate_limited,
                  "rate limit reached: " + rule_of(waiter) + "; try again in " + go_duration(left));
  error.retry_after = left;
  return error;
}

Error never_fits(const Waiter& waiter) {
  Unit unit = waiter.blocker.limit.unit;
  return limit_error(waiter, Code::never_fits,
                     "this request needs " + std::to_string(waiter.cost.of(unit)) + " " +
                         unit_name(unit) + "; " + rule_of(waiter));
}

}  // namespace weir::traffic
