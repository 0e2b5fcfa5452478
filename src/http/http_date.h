#pragma once

#include <ctime>
#include <string>

namespace weir::http {

/// `Sun, 06 Nov 1994 08:49:37 GMT`, as RFC 9110 5.6.7 has it.
std::string http_date(std::time_t time);

}  // namespace weir::http
