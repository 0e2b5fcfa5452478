#pragma once

#include <memory>
#include <vector>

#include "ticket.h"
#include "weir/base/doorbell.h"
#include "weir/serve/make_service.h"
#include "weir/traffic/gate.h"
#include "weir/work/request.h"

namespace weir::serve {

/// One row of a request: its tokens and what to do with them.
struct Row {
  std::vector<int32_t> prompt;
  work::TaskParams params;
};

/// Paid and in the queue.
struct Admitted {
  traffic::Permit permit;
  std::shared_ptr<Doorbell> bell;          // rung by each event of each reader
  std::vector<work::ReplyReader> readers;  // one a row
  TimePoint queued_at;
};

/// The way from a checked request into the work queue: through the gate, then all rows together.
/// Stateless but for what it stands on.
class Admission {
 public:
  Admission(const ServiceOptions& options, traffic::Gate& gate, const Clock& clock)
      : options_(options), gate_(gate), clock_(clock) {}

  /// Writes how long it waited to `ticket`, and the limits to the caller's headers, also of a
  /// refusal. Errors: the gate's and the queue's; then nothing was charged.
  Result<Admitted> admit(Ticket& ticket, const std::vector<Row>& rows, Caller& caller) const;

 private:
  Result<traffic::Permit> pass_gate(Ticket& ticket, const std::vector<Row>& rows,
                                    Caller& caller) const;
  traffic::Cost cost_of(const std::vector<Row>& rows) const;

  const ServiceOptions& options_;
  traffic::Gate& gate_;
  const Clock& clock_;
};

}  // namespace weir::serve
