#include "ledger_day.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::traffic {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

Result<sys_days> day_of(const std::string& text, const char* name) {
  if (auto day = parse_day(text)) return *day;
  return invalid(
      fmt::format("{} must be a day like 2026-11-24, not \"{}\"", name, text.substr(0, 40)), name);
}

}  // namespace

std::string day_text(sys_days day) {
  const year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::optional<sys_days> parse_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](size_t at, size_t count) {
    unsigned value = 0;
    for (char c : text.substr(at, count)) {
      if (c < '0' || c > '9') return 0u;  // is no year, month or day
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
  };
  const unsigned year = number(0, 4);
  const year_month_day date(std::chrono::year(static_cast<int>(year)),
                            std::chrono::month(number(5, 2)), std::chrono::day(number(8, 2)));
  if (year == 0 || !date.ok()) return std::nullopt;
  return sys_days(date);
}

Result<UsageQuery> with_days(UsageQuery query, sys_days today) {
  auto to = query.to.empty() ? Result<sys_days>(today) : day_of(query.to, "to");
  if (!to) return to.error();
  const year_month_day last(*to);
  const sys_days month(last.year() / last.month() / 1);
  auto from = query.from.empty() ? Result<sys_days>(month) : day_of(query.from, "from");
  if (!from) return from.error();
  query.from = day_text(*from);
  query.to = day_text(*to);
  if (*from > *to)
    return invalid(fmt::format("from {} is after to {}", query.from, query.to), "from");
  const auto days = (*to - *from).count() + 1;
  if (days > kMostUsageDays)
    return invalid(fmt::format("from {} to {} spans {} days; the limit is {}", query.from, query.to,
                               days, kMostUsageDays),
                   "from");
  return query;
}

}  // namespace weir::traffic
