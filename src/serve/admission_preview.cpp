#include "admission.h"
#include "weir/traffic/duration.h"
#include "weir/traffic/unit.h"

namespace weir::serve {
namespace {

using std::chrono::milliseconds;

std::string window_text(const traffic::Limit& limit) {
  if (limit.calendar == traffic::Calendar::day) return "day";
  if (limit.calendar == traffic::Calendar::month) return "month";
  return limit.unit == traffic::Unit::concurrent ? "" : traffic::to_string(limit.window);
}

DryRun::Bucket bucket_of(std::string owner, const traffic::CellState& cell) {
  return {.owner = std::move(owner),
          .unit = traffic::word_of(cell.limit.unit),
          .window = window_text(cell.limit),
          .cap = cell.limit.cap,
          .remaining = cell.remaining,
          .full_in = std::chrono::ceil<milliseconds>(cell.full_in)};
}

}  // namespace

DryRun Admission::preview(const Ticket& ticket, const std::vector<RequestRow>& rows,
                          const Caller& caller) const {
  const PlaceInLine queue = in_queue(ticket, rows);
  const traffic::Quote quote = gate_.quote(entry_of(ticket, cost_of(rows), caller));
  DryRun dry{.model = ticket.model_name(),
             .requests = quote.cost.requests,
             .input_tokens = quote.cost.input_tokens,
             .output_tokens = quote.cost.output_tokens,
             .gate_wait = quote.wait,
             .queue_wait = queue.wait,
             .queue_position = queue.place,
             .refusal = quote.refusal};
  for (size_t i = 0; i < quote.cells.size(); ++i)
    dry.limits.push_back(bucket_of(quote.owners[i], quote.cells[i]));
  if (auto room = check_room(ticket, rows.size()); !room) dry.refusal = room.error();
  if (dry.refusal) return dry;
  if (auto soon = check_deadline(ticket, quote.wait, queue); !soon) dry.refusal = soon.error();
  return dry;
}

}  // namespace weir::serve
