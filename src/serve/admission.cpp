#include "admission.h"

#include <algorithm>
#include <utility>

namespace weir::serve {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLeastRetry{1000}, kMostRetry{5000};

std::vector<work::Request> requests_of(const Ticket& ticket, const std::vector<RequestRow>& rows,
                                       Admitted& admitted) {
  std::vector<work::Request> requests;
  for (const RequestRow& row : rows) {
    auto [reply, reader] = work::make_reply(admitted.bell);
    work::Request request;
    request.id = rows.size() == 1 ? ticket.request_id
                                  : ticket.request_id + '-' + std::to_string(requests.size());
    request.source = row.source;
    request.prompt = row.prompt;
    request.types = row.types;
    request.params = row.params;
    request.reply = std::move(reply);
    admitted.readers.push_back(std::move(reader));
    for (const uint64_t seed : row.branches) {
      auto [branch, its_reader] = work::make_reply(admitted.bell);
      request.branches.push_back({.seed = seed, .reply = std::move(branch)});
      admitted.readers.push_back(std::move(its_reader));
    }
    request.client = ticket.key->name;
    request.cache_scope = ticket.key->tenant;
    request.weight = static_cast<float>(ticket.key->weight);
    request.priority = ticket.priority;
    request.arrival = admitted.queued_at;
    request.deadline = ticket.deadline;
    requests.push_back(std::move(request));
  }
  return requests;
}

milliseconds rounded(Duration duration) {
  return std::max(std::chrono::ceil<milliseconds>(duration), milliseconds(0));
}

}  // namespace

void Admission::note_limits(Caller& caller, const std::vector<traffic::CellState>& cells) const {
  caller.notes.limits = traffic::limit_headers(cells);
  if (!options_.ietf_headers) return;
  for (auto& header : traffic::ietf_limit_headers(cells))
    caller.notes.limits.push_back(std::move(header));
}

PromptTokens prompt_tokens_of(std::vector<int32_t> source, std::vector<int32_t> prompt) {
  if (source.empty()) return {.ids = std::move(prompt)};
  return {.ids = std::move(source), .decoder_ids = std::move(prompt)};
}

size_t choices_of(const std::vector<RequestRow>& rows) {
  size_t choices = 0;
  for (const RequestRow& row : rows) choices += row.choices();
  return choices;
}

size_t requests_in(const std::vector<RequestRow>& rows) {
  return rows.empty() ? 0 : size_t{rows.back().input} + 1;
}

traffic::Cost Admission::cost_of(const std::vector<RequestRow>& rows) const {
  const auto count = static_cast<int64_t>(requests_in(rows));
  traffic::Cost cost{.requests = count, .concurrent = count};
  for (const RequestRow& row : rows) {
    cost.input_tokens += static_cast<int64_t>(row.input_tokens());
    if (row.echo_only) continue;
    if (const auto* sampling = std::get_if<work::SamplingParams>(&row.params))
      cost.output_tokens += static_cast<int64_t>(row.choices()) *
                            std::min(sampling->max_tokens, options_.default_reserve);
  }
  return cost;
}

traffic::Entry Admission::entry_of(const Ticket& ticket, const traffic::Cost& cost,
                                   const Caller& caller) const {
  milliseconds max_wait = ticket.key->max_wait.value_or(options_.max_wait);
  if (caller.max_wait) max_wait = std::min(max_wait, *caller.max_wait);
  if (ticket.deadline) max_wait = std::min(max_wait, rounded(*ticket.deadline - clock_.now()));
  return {.key = ticket.key,
          .model = ticket.model_name(),
          .cost = cost,
          .max_wait = std::max(max_wait, milliseconds(0))};
}

PlaceInLine Admission::in_queue(const Ticket& ticket, const std::vector<RequestRow>& rows) const {
  size_t tokens = 0;
  for (const RequestRow& row : rows) tokens += row.input_tokens();
  const auto forecast = ticket.model->served.queue->forecast(ticket.asker(), tokens);
  return {.line = PlaceInLine::Which::queue, .place = forecast.position + 1, .wait = forecast.wait};
}

Result<void> Admission::check_room(const Ticket& ticket, size_t rows) const {
  auto room = ticket.model->served.queue->room_for(ticket.asker(), rows);
  if (!room) return queue_refusal(std::move(room.error()));
  return {};
}

Result<void> Admission::check_payable(const Ticket& ticket, const Extent& extent,
                                      Caller& caller) const {
  // The work for fewer bytes is so little that a second look at the gate does not pay.
  constexpr size_t kMuch = size_t{16} << 10;
  if (extent.bytes <= kMuch) return {};
  const auto rows = static_cast<int64_t>(extent.rows);
  const traffic::Cost least{
      .requests = rows, .input_tokens = extent.least_tokens, .concurrent = rows};
  traffic::Quote quote = gate_.quote(entry_of(ticket, least, caller));
  if (!quote.refusal) return {};
  note_limits(caller, quote.cells);
  if (quote.refusal->code == Code::rate_limited && !quote.refusal->predicted_wait)
    quote.refusal->predicted_wait = quote.refusal->retry_after;
  return *std::move(quote.refusal);
}

Result<void> Admission::check_deadline(const Ticket& ticket, milliseconds at_gate,
                                       const PlaceInLine& queue) const {
  if (!ticket.deadline) return {};
  const milliseconds left = rounded(*ticket.deadline - clock_.now());
  const milliseconds wait = at_gate + queue.wait;
  if (wait <= left) return {};
  return Error{.code = Code::overloaded,
               .message = "the predicted wait of " + std::to_string(wait.count()) +
                          " ms passes the request's deadline, which is in " +
                          std::to_string(left.count()) + " ms",
               .retry_after = std::clamp(wait - left, kLeastRetry, kMostRetry),
               .queue_position = queue.place,
               .predicted_wait = wait};
}

Error Admission::queue_refusal(Error error) const {
  if (error.code == Code::overloaded || error.code == Code::unavailable)
    if (!error.retry_after) error.retry_after = options_.retry_after;
  return error;
}

Result<traffic::Place> Admission::enter(Ticket& ticket, const std::vector<RequestRow>& rows,
                                        Caller& caller) const {
  const PlaceInLine queue = in_queue(ticket, rows);
  if (auto soon = check_deadline(ticket, milliseconds(0), queue); !soon) return soon.error();
  return stand_in_line(ticket, entry_of(ticket, cost_of(rows), caller), queue, caller);
}

Result<traffic::Place> Admission::enter_alone(Ticket& ticket, const std::vector<RequestRow>& rows,
                                              Caller& caller) const {
  traffic::Entry entry = entry_of(ticket, cost_of(rows), caller);
  entry.cost.output_tokens = 0;
  return stand_in_line(ticket, entry, {}, caller);
}

Result<traffic::Place> Admission::stand_in_line(Ticket& ticket, const traffic::Entry& entry,
                                                const PlaceInLine& queue, Caller& caller) const {
  ticket.at_gate = clock_.now();
  std::vector<traffic::CellState> cells;
  auto place = gate_.enter(entry, &cells);
  note_limits(caller, cells);
  if (!place) {
    Error& error = place.error();
    if (error.code == Code::rate_limited && !error.predicted_wait)
      error.predicted_wait = error.retry_after;
    return place;
  }
  if (place->admitted()) return place;
  const traffic::Standing standing = place->standing();
  if (auto soon = check_deadline(ticket, standing.wait, queue); !soon) return soon.error();
  caller.notes.waiting = {.place = standing.place, .predicted = standing.wait + queue.wait};
  return place;
}

Result<bool> Admission::wait(const Ticket& ticket, traffic::Place& place,
                             milliseconds limit) const {
  if (place.admitted()) return true;
  const TimePoint now = clock_.now();
  if (ticket.deadline) {
    if (now >= *ticket.deadline) return deadline_passed(ticket, 0);
    limit = std::min(limit, rounded(*ticket.deadline - now));
  }
  return place.wait(limit);
}

Result<Admitted> Admission::enqueue(Ticket& ticket, traffic::Place& place,
                                    const std::vector<RequestRow>& rows, Caller& caller) const {
  const TimePoint now = clock_.now();
  ticket.waited = std::chrono::duration_cast<milliseconds>(now - ticket.at_gate);
  note_limits(caller, place.cells());
  Admitted admitted{.permit = place.take(),
                    .bell = std::make_shared<Doorbell>(),
                    .readers = {},
                    .queued_at = now};
  auto requests = requests_of(ticket, rows, admitted);
  auto pushed = ticket.model->served.queue->push(requests);
  if (pushed) return admitted;
  admitted.permit.refund_all();
  return queue_refusal(std::move(pushed.error()));
}

traffic::Permit Admission::take(Ticket& ticket, traffic::Place& place) const {
  ticket.waited = std::chrono::duration_cast<milliseconds>(clock_.now() - ticket.at_gate);
  return place.take();
}

}  // namespace weir::serve
