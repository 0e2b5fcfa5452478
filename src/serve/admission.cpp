#include "admission.h"

#include <algorithm>
#include <utility>

namespace weir::serve {
namespace {

using std::chrono::milliseconds;

std::vector<work::Request> requests_of(const Ticket& ticket, const std::vector<Row>& rows,
                                       Admitted& admitted) {
  std::vector<work::Request> requests;
  for (const Row& row : rows) {
    auto [reply, reader] = work::make_reply(admitted.bell);
    work::Request request;
    request.id = rows.size() == 1 ? ticket.request_id
                                  : ticket.request_id + '-' + std::to_string(requests.size());
    request.prompt = row.prompt;
    request.params = row.params;
    request.reply = std::move(reply);
    request.client = ticket.key->name;
    request.cache_scope = ticket.key->tenant;
    request.weight = static_cast<float>(ticket.key->weight);
    request.priority = ticket.key->priority;
    request.arrival = admitted.queued_at;
    request.deadline = ticket.deadline;
    requests.push_back(std::move(request));
    admitted.readers.push_back(std::move(reader));
  }
  return requests;
}

}  // namespace

traffic::Cost Admission::cost_of(const std::vector<Row>& rows) const {
  traffic::Cost cost{.requests = static_cast<int64_t>(rows.size())};
  for (const Row& row : rows) {
    cost.input_tokens += static_cast<int64_t>(row.prompt.size());
    if (const auto* sampling = std::get_if<work::SamplingParams>(&row.params))
      cost.output_tokens += std::min(sampling->max_tokens, options_.default_reserve);
  }
  return cost;
}

Result<traffic::Permit> Admission::pass_gate(Ticket& ticket, const std::vector<Row>& rows,
                                             Caller& caller) const {
  milliseconds max_wait = ticket.key->max_wait.value_or(options_.max_wait);
  if (caller.max_wait) max_wait = std::min(max_wait, *caller.max_wait);
  if (caller.timeout) max_wait = std::min(max_wait, *caller.timeout);
  std::vector<traffic::CellState> cells;
  const TimePoint before = clock_.now();
  auto permit = gate_.enter({.key = ticket.key,
                             .model = ticket.model_name(),
                             .cost = cost_of(rows),
                             .max_wait = std::max(max_wait, milliseconds(0)),
                             .gone = caller.gone},
                            &cells);
  ticket.waited = std::chrono::duration_cast<milliseconds>(clock_.now() - before);
  for (auto& header : traffic::limit_headers(cells)) caller.headers.push_back(std::move(header));
  return permit;
}

Result<Admitted> Admission::admit(Ticket& ticket, const std::vector<Row>& rows,
                                  Caller& caller) const {
  auto permit = pass_gate(ticket, rows, caller);
  if (!permit) return permit.error();
  Admitted admitted{.permit = *std::move(permit),
                    .bell = std::make_shared<Doorbell>(),
                    .readers = {},
                    .queued_at = clock_.now()};
  auto requests = requests_of(ticket, rows, admitted);
  auto pushed = ticket.model->served.queue->push(requests);
  if (pushed) return admitted;
  admitted.permit.refund_all();
  if (pushed.error().code == Code::overloaded || pushed.error().code == Code::unavailable)
    if (!pushed.error().retry_after) pushed.error().retry_after = options_.retry_after;
  return pushed.error();
}

}  // namespace weir::serve
