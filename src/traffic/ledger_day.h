#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/traffic/ledger.h"

namespace weir::traffic {

/// "2026-11-24". REQUIRES: a year of four digits.
std::string day_text(std::chrono::sys_days day);

/// nullopt: the text has another form, or is no day of the calendar.
std::optional<std::chrono::sys_days> parse_day(std::string_view text);

/// The query with its days filled in. Errors: invalid_argument with "from" or "to" in `param`.
Result<UsageQuery> with_days(UsageQuery query, std::chrono::sys_days today);

}  // namespace weir::traffic
