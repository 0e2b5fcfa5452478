#pragma once

#include <ctime>
#include <string>

namespace weir::http {

/// The time in the form of RFC 9110 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
std::string http_date(std::time_t time);

}  // namespace weir::http
