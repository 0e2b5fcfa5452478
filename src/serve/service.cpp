#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>

#include "admission.h"
#include "brownout_guard.h"
#include "embedding.h"
#include "generation.h"
#include "identity.h"
#include "model_set.h"
#include "preparation.h"
#include "prepare.h"
#include "response_cache.h"
#include "ticket.h"
#include "tokens.h"
#include "usage_account.h"
#include "usage_query.h"
#include "waiting_generation.h"
#include "weir/serve/make_service.h"

namespace weir::serve {
namespace {

class ModelService final : public SteeredService {
 public:
  ModelService(ServiceOptions options, ServiceParts parts,
               std::shared_ptr<const traffic::KeyStore> keys, std::vector<ServedModel> models)
      : options_(options),
        parts_(std::move(parts)),
        intake_(options_.intake, parts_.clock, parts_.metrics),
        admission_(options_, parts_.gate, parts_.clock),
        models_(std::move(models), options.retry_after, parts_.metrics),
        brownout_(options_.brownout, parts_.metrics),
        responses_(options_.response_cache, {admission_, parts_.metrics, parts_.clock}) {
    set_keys(std::move(keys));
  }

  Result<std::shared_ptr<const Identity>> authenticate(const std::string& secret) override;
  bool wants_key() const override { return !keys()->is_open(); }
  std::shared_ptr<Preparation> prepare(const Caller& caller) override;
  Result<std::unique_ptr<Generation>> chat(const ChatRequest& request, Caller& caller) override;
  Result<std::unique_ptr<Generation>> complete(const CompletionRequest& request,
                                               Caller& caller) override;
  Result<Embeddings> embed(const EmbeddingRequest& request, Caller& caller) override;
  Result<DryRun> dry_run(const AnyRequest& request, Caller& caller) override;
  Result<Tokens> tokenize(const TokenizeRequest& request, Caller& caller) override;
  Result<std::string> detokenize(const std::string& model, const std::vector<int32_t>& ids,
                                 Caller& caller) override;
  std::vector<ModelInfo> models(const Caller& caller) override;
  Result<std::vector<UsageRow>> usage(const UsageQuery& query, const Caller& caller) override;
  Readiness readiness() override;

  void set_keys(std::shared_ptr<const traffic::KeyStore> keys) override;
  void mark_ready(const std::string& name, LoadedModel loaded) override {
    models_.mark_ready(name, std::move(loaded));
  }
  void mark_failed(const std::string& name, const Error& reason) override {
    models_.mark_failed(name, reason);
  }
  void drain() override { draining_ = true; }
  size_t in_flight() const override { return *in_flight_; }

 private:
  /// What a call asks of a model. No kind: any will do.
  struct Want {
    const std::string& model;
    std::optional<ModelKind> kind;
  };

  std::shared_ptr<const traffic::KeyStore> keys() const;
  /// The first steps of every call: key, scope, model.
  Result<std::shared_ptr<const ReadyModel>> find_model(const Want& want, Caller& caller) const;
  /// These, and that new work is taken.
  Result<Ticket> open_ticket(const Want& want, Caller& caller) const;

  template <class Request>
  Result<std::unique_ptr<Generation>> generate(const Request& request, Caller& caller);
  template <class Request>
  Result<std::unique_ptr<Generation>> start(const Want& want, const Request& request,
                                            Caller& caller);
  /// Its model and rows, after the brown-out.
  template <class Request>
  Result<Checked> check(const Want& want, const Request& request, Caller& caller);
  template <class Request>
  void relieve(Checked& checked, Measures& measures, const Request& request, Caller& caller);
  Result<std::unique_ptr<Generation>> run(Checked checked, const Sampling& asked, Caller& caller);
  /// REQUIRES: it is admitted.
  Result<std::unique_ptr<Generation>> enqueue(GateLine& line, const Sampling& asked,
                                              Caller& caller);
  template <class Request>
  Result<DryRun> preview(const Request& request, Caller& caller);
  /// Log and metrics of a request that was refused at once.
  void note_refusal(const Want& want, const Caller& caller, const Error& error) const;
  void look(Scrape& to);

  const ServiceOptions options_;
  const ServiceParts parts_;
  traffic::Intake intake_;
  const Admission admission_;
  ModelSet models_;
  BrownoutGuard brownout_;
  ResponseCache responses_;
  mutable std::mutex keys_mutex_;
  std::shared_ptr<const traffic::KeyStore> keys_;
  std::atomic<bool> draining_ = false;
  const std::shared_ptr<std::atomic<size_t>> in_flight_ = std::make_shared<std::atomic<size_t>>(0);
  const ScrapeHook scrape_{parts_.metrics, [this](Scrape& to) { look(to); }};
};

void ModelService::set_keys(std::shared_ptr<const traffic::KeyStore> keys) {
  parts_.gate.set_rules(keys->rules());
  std::lock_guard lock(keys_mutex_);
  keys_ = std::move(keys);
}

std::shared_ptr<const traffic::KeyStore> ModelService::keys() const {
  std::lock_guard lock(keys_mutex_);
  return keys_;
}

Result<std::shared_ptr<const Identity>> ModelService::authenticate(const std::string& secret) {
  auto key = keys()->find(secret);
  if (!key) return key.error();
  return std::make_shared<const Identity>(*std::move(key));
}

std::shared_ptr<Preparation> ModelService::prepare(const Caller& caller) {
  if (!caller.identity) return nullptr;
  return std::make_shared<IntakePreparation>(intake_.visit(caller.identity->key()),
                                             parts_.clock.now());
}

Result<std::shared_ptr<const ReadyModel>> ModelService::find_model(const Want& want,
                                                                   Caller& caller) const {
  if (!caller.identity)
    return Error{.code = Code::unauthenticated, .message = "no API key was given"};
  const traffic::Key& key = *caller.identity->key();
  if (!key.has(traffic::Scope::infer))
    return Error{.code = Code::permission_denied,
                 .message = "key \"" + key.name + "\" lacks the scope \"infer\""};
  auto model = models_.resolve(want.model, want.kind, key);
  if (model) put_header(caller, "x-weir-model", (*model)->served.name);
  return model;
}

Result<Ticket> ModelService::open_ticket(const Want& want, Caller& caller) const {
  InFlight in_flight(in_flight_);  // counted before the look at draining_: who drains misses nobody
  const TimePoint arrival = parts_.clock.now();
  auto model = find_model(want, caller);
  if (!model) return model.error();
  if (draining_)
    return Error{.code = Code::unavailable,
                 .message = "the server is shutting down and takes no new requests",
                 .retry_after = options_.retry_after};
  const traffic::Key& key = *caller.identity->key();
  std::optional<TimePoint> deadline;
  if (caller.timeout) deadline = arrival + *caller.timeout;
  return Ticket{
      .in_flight = std::move(in_flight),
      .request_id = caller.request_id,
      .key = caller.identity->key(),
      .model = *std::move(model),
      .arrival = arrival,
      .deadline = deadline,
      .priority = caller.priority ? std::min(*caller.priority, key.priority) : key.priority,
      .ledger = parts_.ledger};
}

void ModelService::note_refusal(const Want& want, const Caller& caller, const Error& error) const {
  const KnownModel* model =
      caller.identity ? models_.called(want.model, want.kind, *caller.identity->key()) : nullptr;
  log_refusal({.request_id = caller.request_id,
               .key = caller.identity ? std::string_view(caller.identity->key()->name) : "",
               .model = model ? std::string_view(model->served.name) : "",
               .reason = error});
  if (!model) return;
  model->series.refused(error.code);
  record_refusal(
      {.ledger = parts_.ledger, .key = *caller.identity->key(), .model = model->served.name},
      error.code);
}

Result<std::unique_ptr<Generation>> ModelService::chat(const ChatRequest& request, Caller& caller) {
  return generate(request, caller);
}

Result<std::unique_ptr<Generation>> ModelService::complete(const CompletionRequest& request,
                                                           Caller& caller) {
  return generate(request, caller);
}

template <class Request>
Result<std::unique_ptr<Generation>> ModelService::generate(const Request& request, Caller& caller) {
  const Want want{request.model, ModelKind::generate};
  auto started = start(want, request, caller);
  if (!started) note_refusal(want, caller, started.error());
  return started;
}

template <class Request>
Result<std::unique_ptr<Generation>> ModelService::start(const Want& want, const Request& request,
                                                        Caller& caller) {
  auto checked = check(want, request, caller);
  if (!checked) return checked.error();
  return responses_.generate(*std::move(checked), request.sampling, caller, [&](Checked own) {
    return run(std::move(own), request.sampling, caller);
  });
}

template <class Request>
Result<Checked> ModelService::check(const Want& want, const Request& request, Caller& caller) {
  auto ticket = open_ticket(want, caller);
  if (!ticket) return ticket.error();
  Checked checked{*std::move(ticket), {}};
  Measures measures = brownout_.look(checked.ticket.model->served);
  if (measures.twin && is_of_text(request)) relieve(checked, measures, request, caller);
  if (auto taken = brownout_.check_class(measures, checked.ticket, options_.retry_after, caller);
      !taken)
    return taken.error();
  if (auto room = admission_.check_room(checked.ticket, row_count(request)); !room)
    return with_field(request, room.error());
  if (checked.rows.empty()) {
    const Extent extent = extent_of(checked.ticket.model->loaded, request);
    if (auto pays = admission_.check_payable(checked.ticket, extent, caller); !pays)
      return pays.error();
    auto rows = prepared(caller, [&] { return rows_of(*checked.ticket.model, request); });
    if (!rows) return rows.error();
    checked.rows = *std::move(rows);
  }
  if (caller.preparation) caller.preparation->leave();
  brownout_.shorten(measures, checked.ticket, checked.rows, caller);
  return checked;
}

// The twin takes only what it can serve as it was asked: a brown-out makes no good request wrong.
template <class Request>
void ModelService::relieve(Checked& checked, Measures& measures, const Request& request,
                           Caller& caller) {
  auto twin = models_.resolve(twin_of(measures), ModelKind::generate, *checked.ticket.key);
  if (!twin) return;
  auto rows = prepared(caller, [&] { return rows_of(**twin, request); });
  if (!rows) return;
  checked.rows = *std::move(rows);
  brownout_.hand_over(measures, checked.ticket, *std::move(twin), caller);
  measures = brownout_.look(checked.ticket.model->served);
}

Result<std::unique_ptr<Generation>> ModelService::run(Checked checked, const Sampling& asked,
                                                      Caller& caller) {
  auto& [ticket, rows] = checked;
  auto place = admission_.enter(ticket, rows, caller);
  if (!place) return place.error();
  GateLine line{std::move(ticket), *std::move(place), std::move(rows)};
  if (line.place.admitted()) return enqueue(line, asked, caller);
  auto through = [this, asked, &caller](GateLine& of) { return enqueue(of, asked, caller); };
  return std::make_unique<WaitingGeneration>(std::move(line), std::move(through), admission_,
                                             parts_.clock);
}

Result<std::unique_ptr<Generation>> ModelService::enqueue(GateLine& line, const Sampling& asked,
                                                          Caller& caller) {
  auto admitted = admission_.enqueue(line.ticket, line.place, line.rows, caller);
  if (!admitted) return admitted.error();
  return std::make_unique<RunningGeneration>(std::move(line.ticket), *std::move(admitted),
                                             std::move(line.rows), asked, parts_.clock);
}

Result<Embeddings> ModelService::embed(const EmbeddingRequest& request, Caller& caller) {
  const Want want{request.model, ModelKind::embed};
  const auto refuse = [&](const Error& error) {
    note_refusal(want, caller, error);
    return error;
  };
  auto checked = check(want, request, caller);
  if (!checked) return refuse(checked.error());
  const auto compute = [&](Checked own, const std::function<bool()>& gone) -> Result<Embeddings> {
    auto admitted = admission_.admit(own.ticket, own.rows, caller);
    if (!admitted) return refuse(admitted.error());
    Collection collection(std::move(own.ticket), *std::move(admitted), own.rows, parts_.clock);
    return collection.collect(gone, request.dimensions);
  };
  return responses_.embed(*std::move(checked), request, caller, compute);
}

Result<DryRun> ModelService::dry_run(const AnyRequest& request, Caller& caller) {
  return std::visit([&](const auto& asked) { return preview(asked, caller); }, request);
}

template <class Request>
Result<DryRun> ModelService::preview(const Request& request, Caller& caller) {
  const ModelKind kind =
      std::is_same_v<Request, EmbeddingRequest> ? ModelKind::embed : ModelKind::generate;
  auto ticket = open_ticket({request.model, kind}, caller);
  if (!ticket) return ticket.error();
  auto rows = prepared(caller, [&] { return rows_of(*ticket->model, request); });
  if (!rows) return rows.error();
  DryRun dry = admission_.preview(*ticket, *rows, caller);
  if (dry.refusal) dry.refusal = with_field(request, *std::move(dry.refusal));
  auto texts = prepared(caller, [&] { return texts_of(*ticket->model, request); });
  if (!texts) return texts.error();
  for (size_t i = 0; i < rows->size(); ++i)
    dry.rows.push_back({std::move((*texts)[i]), std::move((*rows)[i].prompt)});
  return dry;
}

Result<Tokens> ModelService::tokenize(const TokenizeRequest& request, Caller& caller) {
  auto found = find_model({request.model, std::nullopt}, caller);
  if (!found) return found.error();
  const ReadyModel& model = **found;
  return prepared(caller, [&] { return tokens_of(model, request); });
}

Result<std::string> ModelService::detokenize(const std::string& name,
                                             const std::vector<int32_t>& ids, Caller& caller) {
  auto found = find_model({name, std::nullopt}, caller);
  if (!found) return found.error();
  return prepared(caller, [&] { return text_of((*found)->loaded, ids); });
}

std::vector<ModelInfo> ModelService::models(const Caller& caller) {
  if (!caller.identity) return {};
  return models_.list(*caller.identity->key());
}

Result<std::vector<UsageRow>> ModelService::usage(const UsageQuery& query, const Caller& caller) {
  if (!caller.identity)
    return Error{.code = Code::unauthenticated, .message = "no API key was given"};
  return usage_seen_by(*caller.identity->key(), query, parts_.ledger);
}

void ModelService::look(Scrape& to) {
  models_.tell(to);
  for (const ServedModel* model : models_.all()) {
    brownout_.look(*model);  // where nobody asks any more, only a look ends a rule
    if (auto capacity = parts_.gate.capacity(model->name))
      traffic::tell(to, model->name, *capacity);
  }
}

Readiness ModelService::readiness() {
  Readiness readiness{.draining = draining_, .models = models_.states()};
  readiness.alive = !parts_.alive || parts_.alive();
  readiness.ready = readiness.alive && !readiness.draining && models_.serving() &&
                    models_.longest_queue() < options_.shed_mark;
  return readiness;
}

}  // namespace

std::unique_ptr<SteeredService> make_service(ServiceOptions options, ServiceParts parts,
                                             std::shared_ptr<const traffic::KeyStore> keys,
                                             std::vector<ServedModel> models) {
  return std::make_unique<ModelService>(options, std::move(parts), std::move(keys),
                                        std::move(models));
}

}  // namespace weir::serve
