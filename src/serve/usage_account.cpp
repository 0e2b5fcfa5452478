#include "usage_account.h"

#include <cmath>

namespace weir::serve {
namespace {

bool is_refusal(Code code) {
  return code == Code::rate_limited || code == Code::never_fits || code == Code::overloaded ||
         code == Code::unavailable;
}

}  // namespace

void UsageAccount::used(int64_t input_tokens, int64_t output_tokens, int64_t cached_tokens) {
  permit_.used(input_tokens, output_tokens, cached_tokens);
  input_tokens_ = input_tokens;
  output_tokens_ = output_tokens;
  cached_tokens_ = cached_tokens;
}

void UsageAccount::refund_all() {
  permit_.refund_all();
  refunded_ = true;
}

void UsageAccount::settle(const Ticket& ticket, const Usage& usage, std::optional<Code> failure) {
  permit_ = {};
  if (ticket.ledger == nullptr) return;
  traffic::UsageEntry entry{.key = ticket.key->name,
                            .tenant = ticket.key->tenant,
                            .model = ticket.model_name(),
                            .wait_ms = ticket.waited.count(),
                            .queue_ms = std::llround(usage.queue_ms),
                            .compute_ms = std::llround(usage.prefill_ms + usage.decode_ms)};
  if (refunded_) {
    entry.refused = failure && is_refusal(*failure) ? 1 : 0;
  } else {
    entry.requests = requests_;
    entry.input_tokens = input_tokens_;
    entry.cached_tokens = cached_tokens_;
    entry.output_tokens = output_tokens_;
  }
  ticket.ledger->add(entry);
}

void record_refusal(const RefusedUsage& refused, Code code) {
  if (refused.ledger == nullptr || !is_refusal(code)) return;
  refused.ledger->add({.key = refused.key.name,
                       .tenant = refused.key.tenant,
                       .model = refused.model,
                       .refused = 1,
                       .wait_ms = refused.waited.count()});
}

}  // namespace weir::serve
