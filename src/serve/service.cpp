#include <mutex>
#include <utility>

#include "admission.h"
#include "brownout_guard.h"
#include "checking.h"
#include "generation.h"
#include "identity.h"
#include "model_set.h"
#include "opening.h"
#include "preparation.h"
#include "prompts.h"
#include "reading.h"
#include "response_cache.h"
#include "tokens.h"
#include "usage_query.h"
#include "waiting_generation.h"
#include "weir/serve/make_service.h"
#include "weir/serve/request_line.h"

namespace weir::serve {
namespace {

/// Leads a request through its stages: opening, checking, response cache, gate, queue, running.
class ModelService final : public SteeredService {
 public:
  ModelService(ServiceOptions options, ServiceParts parts,
               std::shared_ptr<const traffic::KeyStore> keys, std::vector<ServedModel> models)
      : options_(std::move(options)),
        parts_(std::move(parts)),
        intake_(options_.intake, parts_.clock, parts_.metrics),
        models_(std::move(models), options_.retry_after, parts_.metrics),
        opening_({parts_, models_, options_.retry_after}),
        admission_(options_, parts_.gate, parts_.clock),
        brownout_(options_.brownout, parts_.metrics),
        checking_({models_, brownout_, admission_, parts_.clock, options_.retry_after}),
        responses_(options_.response_cache, {admission_, parts_.metrics, parts_.clock}) {
    set_keys(std::move(keys));
  }

  Result<std::shared_ptr<const Identity>> authenticate(const std::string& secret) override;
  const std::string& key_name(const Identity& identity) const override {
    return identity.key()->name;
  }
  bool wants_key() const override { return !keys()->is_open(); }
  std::shared_ptr<Preparation> prepare(const Caller& caller) override;
  Result<std::unique_ptr<Generation>> start(Ask ask, Caller& caller) override;
  Result<DryRun> dry_run(const Ask& ask, Caller& caller) override;
  Result<Tokens> tokenize(const TokenizeRequest& request, Caller& caller) override;
  Result<std::string> detokenize(const std::string& model, const Ids& ids, Caller& caller) override;
  std::vector<ModelInfo> models(const Caller& caller) override;
  Result<std::vector<UsageRow>> usage(const UsageQuery& query, const Caller& caller) override;
  Readiness readiness() override;

  void set_keys(std::shared_ptr<const traffic::KeyStore> keys) override;
  void mark_ready(const std::string& name, ModelCard loaded) override {
    models_.mark_ready(name, std::move(loaded));
  }
  void mark_failed(const std::string& name, const Error& reason) override {
    models_.mark_failed(name, reason);
  }
  void drain() override { opening_.close(); }
  size_t in_flight() const override { return opening_.in_flight(); }

 private:
  std::shared_ptr<const traffic::KeyStore> keys() const;
  Result<std::unique_ptr<Generation>> accept(const Opening::Want& want, Ask& ask, Caller& caller);
  /// Enters the gate's line, and the queue too if the place is admitted at once.
  Result<std::unique_ptr<Generation>> stand_in_line(Checked checked, Caller& caller);
  /// REQUIRES: it is admitted.
  Result<std::unique_ptr<Generation>> enqueue(GateLine& line, Caller& caller);
  void look(Scrape& to);

  const ServiceOptions options_;
  const ServiceParts parts_;
  traffic::Intake intake_;
  ModelSet models_;
  Opening opening_;
  const Admission admission_;
  BrownoutGuard brownout_;
  const Checking checking_;
  ResponseCache responses_;
  mutable std::mutex keys_mutex_;
  std::shared_ptr<const traffic::KeyStore> keys_;
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

Result<std::unique_ptr<Generation>> ModelService::start(Ask ask, Caller& caller) {
  const std::string model = ask.model;
  const Opening::Want want{model, needs_of(ask)};
  auto accepted = accept(want, ask, caller);
  if (!accepted) opening_.note_refusal(want, caller, accepted.error());
  return accepted;
}

Result<std::unique_ptr<Generation>> ModelService::accept(const Opening::Want& want, Ask& ask,
                                                         Caller& caller) {
  auto ticket = opening_.open(want, caller);
  if (!ticket) return ticket.error();
  if (caller.line) caller.line->work.task = task_of(ask.options).name;
  auto checked = checking_.check(*std::move(ticket), ask, caller);
  if (!checked) return checked.error();
  return responses_.run(*std::move(checked), caller,
                        [&](Checked own) { return stand_in_line(std::move(own), caller); });
}

Result<std::unique_ptr<Generation>> ModelService::stand_in_line(Checked checked, Caller& caller) {
  auto place = admission_.enter(checked.ticket, checked.rows, caller);
  if (!place) return place.error();
  GateLine line{std::move(checked), *std::move(place)};
  if (line.place.admitted()) return enqueue(line, caller);
  auto through = [this, &caller](GateLine& of) { return enqueue(of, caller); };
  return std::make_unique<WaitingGeneration>(std::move(line), std::move(through), admission_,
                                             parts_.clock);
}

Result<std::unique_ptr<Generation>> ModelService::enqueue(GateLine& line, Caller& caller) {
  Checked& checked = line.checked;
  auto admitted = admission_.enqueue(checked.ticket, line.place, checked.rows, caller);
  if (!admitted) return with_field(checked.field, std::move(admitted.error()));
  if (!task_of(checked.ask->options).generates())
    return std::make_unique<RunningReading>(std::move(checked), *std::move(admitted), parts_.clock);
  const auto& asked = std::get<Generate>(checked.ask->options).sampling;
  return std::make_unique<RunningGeneration>(std::move(checked.ticket), *std::move(admitted),
                                             std::move(checked.rows), asked, parts_.clock);
}

Result<DryRun> ModelService::dry_run(const Ask& ask, Caller& caller) {
  const Task& task = task_of(ask.options);
  auto ticket = opening_.open({ask.model, needs_of(ask)}, caller);
  if (!ticket) return ticket.error();
  const ReadyModel& model = *ticket->model;
  StillWanted wanted(*ticket, caller, parts_.clock);
  auto rows = prepared(caller, [&] { return task.rows(model, ask, wanted); });
  if (!rows) return rows.error();
  DryRun dry = admission_.preview(*ticket, *rows, caller);
  if (dry.refusal) dry.refusal = with_field(inputs_field(ask), *std::move(dry.refusal));
  for (const RequestRow& row : *rows) {
    if (row.input < dry.prompts.size()) {  // the next window of the same input
      std::vector<int32_t>& ids = dry.prompts.back().tokens.ids;
      ids.insert(ids.end(), row.prompt.begin(), row.prompt.end());
      continue;
    }
    if (auto still = wanted.check(); !still) return still.error();
    auto text = prepared(caller, [&] { return task.text(model, ask.inputs[row.input]); });
    if (!text) return text.error();
    DryRun::Prompt prompt{.text = std::move(text->text),
                          .tokens = prompt_tokens_of(row.source, row.prompt),
                          .pair = std::move(text->pair)};
    auto begun = known_text(*model.loaded.text.tokenizer, prompt.tokens.decoder_ids);
    if (!begun) return begun.error();
    prompt.decoder_text = *std::move(begun);
    dry.prompts.push_back(std::move(prompt));
  }
  return dry;
}

Result<Tokens> ModelService::tokenize(const TokenizeRequest& request, Caller& caller) {
  auto found = opening_.find_model({request.model, {}}, caller);
  if (!found) return found.error();
  const ReadyModel& model = **found;
  return prepared(caller, [&] { return tokens_of(model, request); });
}

Result<std::string> ModelService::detokenize(const std::string& name, const Ids& ids,
                                             Caller& caller) {
  auto found = opening_.find_model({name, {}}, caller);
  if (!found) return found.error();
  return prepared(caller, [&] { return text_of_ids((*found)->loaded, ids); });
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
    brownout_.look(*model);  // a rule ends at a look, also when no request comes any more
    if (auto capacity = parts_.gate.capacity(model->name))
      traffic::tell(to, model->name, *capacity);
  }
}

Readiness ModelService::readiness() {
  Readiness readiness{.draining = opening_.is_closed(), .models = models_.states()};
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
