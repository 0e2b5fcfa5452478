#pragma once

#include <string>
#include <vector>

#include "weir/traffic/ledger.h"

/// Usage by day, as clients may ask for it.
namespace weir::serve {

using traffic::UsageEntry;
using traffic::UsageQuery;
using traffic::UsageRow;

/// A count of a UsageRow and its name in answers.
struct UsageField {
  const char* name;
  int64_t UsageEntry::*count;
};

/// In the order of an answer, after day, key and model.
const std::vector<UsageField>& usage_fields();

/// RFC 4180 with a header line; lines end with CR LF.
std::string usage_csv(const std::vector<UsageRow>& rows);

}  // namespace weir::serve
