#include "http/http_date.h"

#include <fmt/format.h>

#include <array>

namespace weir::http {

std::string http_date(std::time_t time) {
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm date{};
  gmtime_r(&time, &date);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays.at(static_cast<size_t>(date.tm_wday)), date.tm_mday,
                     kMonths.at(static_cast<size_t>(date.tm_mon)), date.tm_year + 1900,
                     date.tm_hour, date.tm_min, date.tm_sec);
}

}  // namespace weir::http
