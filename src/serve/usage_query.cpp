#include "usage_query.h"

#include <utility>

namespace weir::serve {

Result<std::vector<UsageRow>> usage_seen_by(const traffic::Key& asker, UsageQuery query,
                                            traffic::Ledger* ledger) {
  if (!asker.has(traffic::Scope::admin)) {
    if (!asker.has(traffic::Scope::usage))
      return Error{.code = Code::permission_denied,
                   .message = "key \"" + asker.name + "\" lacks the scope \"usage\""};
    if (!query.key.empty() && query.key != asker.name)
      return Error{.code = Code::permission_denied,
                   .message = "key \"" + asker.name +
                              "\" may see only its own usage; other keys want the scope \"admin\"",
                   .param = "key"};
    query.key = asker.name;
  }
  if (ledger == nullptr)
    return Error{.code = Code::not_found,
                 .message = "usage is not kept here: the server runs without data-dir"};
  return ledger->query(query);
}

}  // namespace weir::serve
