#include "weir/traffic/duration.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace weir::traffic {
namespace {

constexpr int64_t kLongest = int64_t{3650} * 86'400 * 1'000'000;

constexpr std::array<std::pair<std::string_view, int64_t>, 6> kUnits{{{"us", 1},
                                                                      {"ms", 1'000},
                                                                      {"s", 1'000'000},
                                                                      {"m", 60'000'000},
                                                                      {"h", 3'600'000'000},
                                                                      {"d", 86'400'000'000}}};

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
  int64_t number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || number < 0) return std::nullopt;
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (auto [name, size] : kUnits) {
    if (unit != name) continue;
    if (number > kLongest / size) return std::nullopt;
    return std::chrono::microseconds(number * size);
  }
  return std::nullopt;
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
