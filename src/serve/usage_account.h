#pragma once

#include <optional>
#include <utility>

#include "ticket.h"
#include "weir/serve/service.h"
#include "weir/traffic/gate.h"
#include "weir/traffic/ledger.h"

namespace weir::serve {

/// Charges a request that entered the queue: in its buckets at once, in the ledger when it is
/// settled.
class UsageAccount {
 public:
  UsageAccount(traffic::Permit permit, size_t requests)
      : permit_(std::move(permit)), requests_(static_cast<int64_t>(requests)) {}

  /// See Permit::used.
  void used(int64_t input_tokens, int64_t output_tokens, int64_t cached_tokens);
  /// Our fault: nothing is charged.
  void refund_all();
  /// Called once, at the request's end. `failure`: why it got no whole answer.
  void settle(const Ticket& ticket, const Usage& usage, std::optional<Code> failure);

 private:
  traffic::Permit permit_;
  int64_t requests_;
  int64_t input_tokens_ = 0, output_tokens_ = 0, cached_tokens_ = 0;
  bool refunded_ = false;
};

/// A request that did not enter the queue. `ledger` may be null.
struct RefusedUsage {
  traffic::Ledger* ledger;
  const traffic::Key& key;
  const std::string& model;
  std::chrono::milliseconds waited{0};
};
/// Counts the refusal in the ledger, if its answer is 429 or 503.
void record_refusal(const RefusedUsage& refused, Code code);

}  // namespace weir::serve
