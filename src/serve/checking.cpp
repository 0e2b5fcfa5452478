#include "checking.h"

#include <utility>

namespace weir::serve {

Result<Checked> Checking::check(Ticket ticket, Ask& ask, Caller& caller) const {
  const Task& task = task_of(ask.options);
  Checked checked{std::move(ticket), inputs_field(ask), {}, nullptr};
  Measures measures = parts_.brownout.look(checked.ticket.model->served);
  if (measures.twin && task.is_of_text(ask)) relieve(checked, measures, ask, caller);
  if (auto taken =
          parts_.brownout.check_class(measures, checked.ticket, parts_.retry_after, caller);
      !taken)
    return taken.error();
  if (auto room = parts_.admission.check_room(checked.ticket, ask.inputs.size()); !room)
    return with_field(checked.field, room.error());
  if (checked.rows.empty()) {
    auto rows = rows_of(checked.ticket, ask, caller);
    if (!rows) return rows.error();
    checked.rows = *std::move(rows);
  }
  if (caller.preparation) caller.preparation->leave();
  parts_.brownout.shorten(measures, checked.ticket, checked.rows, caller);
  if (task.generates()) ask.inputs = {};  // may be large, and a generation takes long
  checked.ask = std::make_shared<const Ask>(std::move(ask));
  return checked;
}

Result<std::vector<RequestRow>> Checking::rows_of(const Ticket& ticket, const Ask& ask,
                                                  Caller& caller) const {
  const Task& task = task_of(ask.options);
  const Extent extent = task.extent(ticket.model->loaded, ask);
  if (auto pays = parts_.admission.check_payable(ticket, extent, caller); !pays)
    return pays.error();
  StillWanted wanted(ticket, caller, parts_.clock);
  auto rows = prepared(caller, [&] { return task.rows(*ticket.model, ask, wanted); });
  if (!rows) return rows;
  if (auto still = wanted.check(); !still) return still.error();
  return rows;
}

// The twin takes only what it can serve unchanged, so that a brown-out makes no good request wrong.
void Checking::relieve(Checked& checked, Measures& measures, const Ask& ask, Caller& caller) const {
  const Task& task = task_of(ask.options);
  auto twin = parts_.models.resolve(twin_of(measures), needs_of(ask), *checked.ticket.key);
  if (!twin) return;
  StillWanted wanted(checked.ticket, caller, parts_.clock);
  auto rows = prepared(caller, [&] { return task.rows(**twin, ask, wanted); });
  if (!rows) return;
  checked.rows = *std::move(rows);
  parts_.brownout.hand_over(measures, checked.ticket, *std::move(twin), caller);
  measures = parts_.brownout.look(checked.ticket.model->served);
}

}  // namespace weir::serve
