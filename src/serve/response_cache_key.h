#pragma once

#include <optional>

#include "checked.h"
#include "key_bytes.h"

namespace weir::serve {

/// Hashes the tenant, the weights, the task, every row's tokens, and what the task adds. nullopt:
/// two answers to the request may differ.
std::optional<ResponseKey> response_key(const Checked& checked);

}  // namespace weir::serve
