#include "weir/traffic/duration.h"

#include <array>
#include <cstdint>

#include "weir/base/quantity.h"

namespace weir::traffic {
namespace {

constexpr int64_t kMs = 1'000, kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute,
                  kDay = 24 * kHour;
constexpr int64_t kLongest = 3650 * kDay;

constexpr std::array kUnits{Unit{"", kSecond},        Unit{"us", 1},
                            Unit{"microsecond", 1},   Unit{"microseconds", 1},
                            Unit{"ms", kMs},          Unit{"msec", kMs},
                            Unit{"millisecond", kMs}, Unit{"milliseconds", kMs},
                            Unit{"s", kSecond},       Unit{"sec", kSecond},
                            Unit{"secs", kSecond},    Unit{"second", kSecond},
                            Unit{"seconds", kSecond}, Unit{"m", kMinute},
                            Unit{"min", kMinute},     Unit{"mins", kMinute},
                            Unit{"minute", kMinute},  Unit{"minutes", kMinute},
                            Unit{"h", kHour},         Unit{"hr", kHour},
                            Unit{"hrs", kHour},       Unit{"hour", kHour},
                            Unit{"hours", kHour},     Unit{"d", kDay},
                            Unit{"day", kDay},        Unit{"days", kDay}};

/// Seconds with up to three decimals and no trailing zeros.
std::string seconds_text(int64_t ms) {
  std::string text = std::to_string(ms / 1000);
  if (int64_t rest = ms % 1000; rest != 0) {
    std::string decimals = std::to_string(1000 + rest).substr(1);
    decimals.erase(decimals.find_last_not_of('0') + 1);
    text += "." + decimals;
  }
  return text + "s";
}

}  // namespace

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  const auto number = parse_quantity(text, kUnits, kLongest);
  return number ? std::optional(std::chrono::microseconds(*number)) : std::nullopt;
}

std::string to_string(std::chrono::microseconds duration) {
  int64_t us = duration.count();
  if (us % 1'000'000 == 0) return std::to_string(us / 1'000'000) + "s";
  if (us % 1'000 == 0) return std::to_string(us / 1'000) + "ms";
  return std::to_string(us) + "us";
}

std::string go_duration(std::chrono::microseconds duration) {
  int64_t ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  if (ms <= 0) return "0s";
  if (ms < 1000) return std::to_string(ms) + "ms";
  int64_t minutes = ms / 60'000;
  std::string text;
  if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
  if (minutes > 0) text += std::to_string(minutes % 60) + "m";
  return text + seconds_text(ms % 60'000);
}

}  // namespace weir::traffic
