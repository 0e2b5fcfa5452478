#pragma once

#include <string>

#include "weir/base/result.h"

namespace weir::app {

/// An address to listen on. Errors: a text that would be taken for another address than it says.
Result<std::string> settle_host(const std::string& text);

/// A key as clients send it: without the line break that a file or `echo` leaves at its end.
/// Errors: blanks at its ends, quotes around it, control characters: no client's key would ever be
/// equal. They never repeat it.
Result<std::string> settle_secret(const std::string& text);

}  // namespace weir::app
