#pragma once

#include <optional>

#include "checked.h"
#include "key_bytes.h"

namespace weir::serve {

/// Whose tenant it is, which weights, which task, every row's tokens, and what the task adds.
/// nullopt: two answers need not agree.
std::optional<ResponseKey> response_key(const Checked& checked);

}  // namespace weir::serve
