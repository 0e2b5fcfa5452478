#pragma once

#include <string>

#include "weir/base/result.h"

namespace weir {

/// What the system says of an access to `path` that failed with `error`, a number of errno. For a
/// denied one also which entry denies it to which user, so that an operator knows what to change:
/// "Permission denied: user 10001 may not enter /models (mode 0700, owner 0)".
std::string reason_of(int error, const std::string& path);

/// Whether anything stands at `path`; a link counts by itself, also one to nothing. Errors:
/// invalid_argument where it cannot be told, as a folder above it may not be entered.
Result<bool> is_there(const std::string& path);

}  // namespace weir
