#pragma once

#include <string>

#include "weir/base/result.h"

namespace weir::app {

/// An address to listen on. Errors: a text that would be read as another address than it seems to
/// be.
Result<std::string> settle_host(const std::string& text);

/// A key as clients send it: without the line break that a file or `echo` leaves at its end.
/// Errors: blanks at its ends, quotes around it, control characters: no client could send such a
/// key. Errors never repeat the key.
Result<std::string> settle_secret(const std::string& text);

}  // namespace weir::app
