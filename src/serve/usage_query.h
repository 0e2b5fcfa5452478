#pragma once

#include <vector>

#include "weir/base/result.h"
#include "weir/serve/usage.h"
#include "weir/traffic/key.h"

namespace weir::serve {

/// What `asker` may see of what it asks: with the scope admin all keys, with usage its own.
/// `ledger` may be null. Errors: permission_denied, not_found (no ledger is kept), the ledger's.
Result<std::vector<UsageRow>> usage_seen_by(const traffic::Key& asker, UsageQuery query,
                                            traffic::Ledger* ledger);

}  // namespace weir::serve
