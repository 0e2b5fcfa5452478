#include "opening.h"

#include <algorithm>
#include <utility>

#include "identity.h"
#include "usage_account.h"
#include "weir/serve/request_line.h"

namespace weir::serve {

Result<std::shared_ptr<const ReadyModel>> Opening::find_model(const Want& want,
                                                              Caller& caller) const {
  if (!caller.identity)
    return Error{.code = Code::unauthenticated, .message = "no API key was given"};
  const traffic::Key& key = *caller.identity->key();
  if (!key.has(traffic::Scope::infer))
    return Error{.code = Code::permission_denied,
                 .message = "key \"" + key.name + "\" lacks the scope \"infer\""};
  auto model = parts_.models.resolve(want.model, want.needs, key);
  if (!model) return model;
  caller.notes.model = (*model)->served.name;
  if (caller.line) caller.line->work.model = (*model)->served.name;
  caller.notes.fingerprint = (*model)->loaded.known_fingerprint();
  return model;
}

Result<Ticket> Opening::open(const Want& want, Caller& caller) const {
  InFlight in_flight(in_flight_);  // counted before closed_ is read: a drain misses no request
  const TimePoint arrival = parts_.service.clock.now();
  auto model = find_model(want, caller);
  if (!model) return model.error();
  if (closed_)
    return Error{.code = Code::unavailable,
                 .message = "the server is shutting down and takes no new requests",
                 .retry_after = parts_.retry_after};
  const traffic::Key& key = *caller.identity->key();
  Ticket ticket{
      .in_flight = std::move(in_flight),
      .request_id = caller.request_id,
      .key = caller.identity->key(),
      .model = *std::move(model),
      .arrival = arrival,
      .timeout = caller.timeout,
      .deadline = std::nullopt,
      .priority = caller.priority ? std::min(*caller.priority, key.priority) : key.priority,
      .ledger = parts_.service.ledger,
      .line = caller.line};
  if (!caller.timeout) return ticket;
  const TimePoint from = caller.preparation ? caller.preparation->arrival() : arrival;
  ticket.deadline = from + *caller.timeout;
  if (arrival >= *ticket.deadline) return deadline_passed(*caller.timeout);
  return ticket;
}

void Opening::note_refusal(const Want& want, const Caller& caller, const Error& error) const {
  const KnownModel* model =
      caller.identity ? parts_.models.called(want.model, want.needs, *caller.identity->key())
                      : nullptr;
  if (!model) return;
  if (caller.line) caller.line->work.model = model->served.name;
  model->series.refused(error.code);
  record_refusal({.ledger = parts_.service.ledger,
                  .key = *caller.identity->key(),
                  .model = model->served.name},
                 error.code);
}

}  // namespace weir::serve
