#include <algorithm>

#include "traffic/gate_impl.h"
#include "weir/traffic/duration.h"
#include "weir/traffic/unit.h"

namespace weir::traffic {
namespace {

std::string span_of(const Limit& limit) {
  if (limit.unit == Unit::concurrent) return " at a time";
  if (limit.calendar != Calendar::none) {
    return limit.calendar == Calendar::day ? " a day" : " a month";
  }
  return " in " + to_string(limit.window);
}

/// "key web may use 60 requests in 60s"
std::string rule_of(const Waiter& waiter) {
  const Limit& limit = waiter.blocker->limit;
  const char* verb = limit.unit == Unit::concurrent ? " may have " : " may use ";
  return waiter.blocker->owner + verb + std::to_string(limit.cap) + " " +
         words_of(limit.unit, ' ') + span_of(limit);
}

bool counts_requests(Unit unit) { return unit == Unit::requests || unit == Unit::concurrent; }

Error limit_error(const Waiter& waiter, Code code, std::string message) {
  Unit unit = waiter.blocker->limit.unit;
  return Error{.code = code,
               .message = std::move(message),
               .limit_unit = counts_requests(unit) ? "requests" : "tokens"};
}

/// The limit is the model's, so the client is not at fault.
Error beyond_capacity(const Waiter& waiter, std::chrono::milliseconds left) {
  constexpr std::chrono::milliseconds kLeast{1000}, kMost{5000};
  Error error{.code = Code::overloaded,
              .message = waiter.blocker->owner +
                         " is at its capacity: more requests would wait longer than " +
                         to_string(waiter.blocker->limit.window) +
                         " for their first token; there is room in " + go_duration(left)};
  error.retry_after = std::clamp(left, kLeast, kMost);
  error.predicted_wait = left;
  if (waiter.place > 0) error.queue_position = waiter.place;
  return error;
}

}  // namespace

Error refusal(const Waiter& waiter, TimePoint now) {
  if (waiter.due == TimePoint::max()) {
    return limit_error(waiter, Code::rate_limited,
                       "rate limit reached: " + rule_of(waiter) +
                           "; try again when one of the running requests has ended");
  }
  auto left = std::chrono::ceil<std::chrono::milliseconds>(waiter.due - now);
  left = std::max(left, std::chrono::milliseconds(1));
  if (waiter.blocker->limit.unit == Unit::capacity) return beyond_capacity(waiter, left);
  bool spent = waiter.blocker->limit.calendar != Calendar::none;
  Error error = limit_error(waiter, Code::rate_limited,
                            (spent ? "quota spent: " : "rate limit reached: ") + rule_of(waiter) +
                                (spent ? "; the next period begins in " : "; try again in ") +
                                go_duration(left));
  error.retry_after = left;
  error.never_retry = spent;
  if (!spent) error.predicted_wait = left;
  if (!spent && waiter.place > 0) error.queue_position = waiter.place;
  return error;
}

Error never_fits(const Waiter& waiter) {
  Unit unit = waiter.blocker->limit.unit;
  return limit_error(waiter, Code::never_fits,
                     "this request needs " + std::to_string(waiter.cost.of(unit)) + " " +
                         words_of(unit, ' ') + "; " + rule_of(waiter));
}

}  // namespace weir::traffic
