#include <algorithm>
#include <map>
#include <string>

#include "weir/traffic/duration.h"
#include "weir/traffic/gate.h"
#include "weir/traffic/unit.h"

namespace weir::traffic {
namespace {

using std::chrono::microseconds;

constexpr int64_t kSecond = 1'000'000;

int64_t ceil_seconds(int64_t us) { return (std::max<int64_t>(us, 0) + kSecond - 1) / kSecond; }

/// "requests-60s", "tokens-day". The name does not say whose limit it is.
std::string name_of(const Limit& limit) {
  std::string name = words_of(limit.unit, '-');
  if (limit.calendar != Calendar::none) {
    return name + (limit.calendar == Calendar::day ? "-day" : "-month");
  }
  return limit.window.count() > 0 ? name + "-" + to_string(limit.window) : name;
}

std::string policy_of(const Limit& limit) {
  std::string policy = ";q=" + std::to_string(limit.cap);
  if (limit.unit != Unit::requests) policy += ";qu=\"" + words_of(limit.unit, '-') + '"';
  // A month has no fixed length, and a limit of concurrent requests has no window.
  if (limit.calendar == Calendar::day) policy += ";w=86400";
  if (limit.window.count() > 0)
    policy += ";w=" + std::to_string(ceil_seconds(limit.window.count()));
  return policy;
}

/// Seconds until one more unit is free.
int64_t more_in(const CellState& cell) {
  const Limit& limit = cell.limit;
  if (limit.window.count() == 0) return ceil_seconds(cell.full_in.count());
  const int64_t next = std::max<int64_t>(cell.remaining, 0) + 1;
  const auto missing = static_cast<double>(limit.cap - next);
  const double after =
      missing * static_cast<double>(limit.window.count()) / static_cast<double>(limit.cap);
  return ceil_seconds(cell.full_in.count() - static_cast<int64_t>(after));
}

std::string state_of(const CellState& cell) {
  std::string state = ";r=" + std::to_string(std::max<int64_t>(0, cell.remaining));
  bool foreseen = cell.limit.unit != Unit::concurrent && cell.remaining < cell.limit.cap;
  return foreseen ? state + ";t=" + std::to_string(more_in(cell)) : state;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ietf_limit_headers(
    const std::vector<CellState>& cells) {
  std::map<std::string, const CellState*> named;
  for (const CellState& cell : cells) {
    if (cell.limit.unit == Unit::capacity) continue;
    const CellState*& tightest = named[name_of(cell.limit)];
    if (tightest == nullptr || cell.remaining < tightest->remaining) tightest = &cell;
  }
  std::string policies, states;
  for (const auto& [name, cell] : named) {
    const std::string item = (policies.empty() ? "\"" : ", \"") + name + '"';
    policies += item + policy_of(cell->limit);
    states += item + state_of(*cell);
  }
  if (named.empty()) return {};
  return {{"RateLimit-Policy", std::move(policies)}, {"RateLimit", std::move(states)}};
}

}  // namespace weir::traffic
