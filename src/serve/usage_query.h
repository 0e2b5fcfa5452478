#pragma once

#include <vector>

#include "weir/base/result.h"
#include "weir/serve/usage.h"
#include "weir/traffic/key.h"

namespace weir::serve {

/// The rows of `query` that `asker` may see: with the scope admin those of all keys, with the scope
/// usage its own. `ledger` may be null. Errors: permission_denied, not_found (no ledger is kept),
/// the ledger's.
Result<std::vector<UsageRow>> usage_seen_by(const traffic::Key& asker, UsageQuery query,
                                            traffic::Ledger* ledger);

}  // namespace weir::serve
