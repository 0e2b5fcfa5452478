#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <utility>

#include "admission.h"
#include "embedding.h"
#include "generation.h"
#include "identity.h"
#include "model_set.h"
#include "prompts.h"
#include "sampling.h"
#include "ticket.h"
#include "weir/serve/make_service.h"

namespace weir::serve {
namespace {

constexpr uint32_t kCompletionTokens = 16;  // OpenAI's default of /v1/completions

/// "prompt" where there is one, "prompt[2]" where there are several.
std::string field(const char* name, size_t index, size_t count) {
  return count == 1 ? std::string(name) : std::string(name) + '[' + std::to_string(index) + ']';
}

class ModelService final : public SteeredService {
 public:
  ModelService(ServiceOptions options, ServiceParts parts,
               std::shared_ptr<const traffic::KeyStore> keys, std::vector<ServedModel> models)
      : options_(options),
        parts_(std::move(parts)),
        admission_(options_, parts_.gate, parts_.clock),
        models_(std::move(models), options.retry_after) {
    set_keys(std::move(keys));
  }

  Result<std::shared_ptr<const Identity>> authenticate(const std::string& secret) override;
  Result<std::unique_ptr<Generation>> chat(const ChatRequest& request, Caller& caller) override;
  Result<std::unique_ptr<Generation>> complete(const CompletionRequest& request,
                                               Caller& caller) override;
  Result<Embeddings> embed(const EmbeddingRequest& request, Caller& caller) override;
  Result<Tokens> tokenize(const TokenizeRequest& request, Caller& caller) override;
  Result<std::string> detokenize(const std::string& model, const std::vector<int32_t>& ids,
                                 Caller& caller) override;
  std::vector<ModelInfo> models(const Caller& caller) override;
  Readiness readiness() override;
  std::string metrics_text() override { return parts_.metrics.text(); }

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

  /// The first steps of every call: key, scope, model.
  Result<std::shared_ptr<const ReadyModel>> find_model(const Want& want, Caller& caller) const;
  /// These, and that new work is taken.
  Result<Ticket> open_ticket(const Want& want, Caller& caller) const;

  Result<std::unique_ptr<Generation>> start_chat(const ChatRequest& request, Caller& caller);
  Result<std::unique_ptr<Generation>> start_completion(const CompletionRequest& request,
                                                       Caller& caller);
  Result<std::unique_ptr<Generation>> generate(Ticket ticket, std::vector<Row> rows,
                                               const Sampling& asked, Caller& caller);
  /// Log and metrics of a request that never entered the queue.
  void note_refusal(const Want& want, const Caller& caller, const Error& error) const;

  const ServiceOptions options_;
  const ServiceParts parts_;
  const Admission admission_;
  ModelSet models_;
  mutable std::mutex keys_mutex_;
  std::shared_ptr<const traffic::KeyStore> keys_;
  std::atomic<bool> draining_ = false;
  const std::shared_ptr<std::atomic<size_t>> in_flight_ = std::make_shared<std::atomic<size_t>>(0);
};

void ModelService::set_keys(std::shared_ptr<const traffic::KeyStore> keys) {
  parts_.gate.set_models(keys->models());
  std::lock_guard lock(keys_mutex_);
  keys_ = std::move(keys);
}

Result<std::shared_ptr<const Identity>> ModelService::authenticate(const std::string& secret) {
  std::shared_ptr<const traffic::KeyStore> keys;
  {
    std::lock_guard lock(keys_mutex_);
    keys = keys_;
  }
  auto key = keys->find(secret);
  if (!key) return key.error();
  return std::make_shared<const Identity>(*std::move(key));
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
  if (model) caller.headers.emplace_back("x-weir-model", (*model)->served.name);
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
  std::optional<TimePoint> deadline;
  if (caller.timeout) deadline = arrival + *caller.timeout;
  return Ticket{.in_flight = std::move(in_flight),
                .request_id = caller.request_id,
                .key = caller.identity->key(),
                .model = *std::move(model),
                .arrival = arrival,
                .deadline = deadline};
}

void ModelService::note_refusal(const Want& want, const Caller& caller, const Error& error) const {
  const ServedModel* model =
      caller.identity ? models_.called(want.model, want.kind, *caller.identity->key()) : nullptr;
  log_refusal({.request_id = caller.request_id,
               .key = caller.identity ? std::string_view(caller.identity->key()->name) : "",
               .model = model ? std::string_view(model->name) : "",
               .reason = error});
  const bool ours = error.code == Code::overloaded || error.code == Code::unavailable;
  const bool limit = error.code == Code::rate_limited || error.code == Code::never_fits;
  if (model && model->metrics && (ours || limit || error.code == Code::cancelled))
    model->metrics->refused(code_word(error.code));
}

Result<std::unique_ptr<Generation>> ModelService::chat(const ChatRequest& request, Caller& caller) {
  auto started = start_chat(request, caller);
  if (!started) note_refusal({request.model, ModelKind::generate}, caller, started.error());
  return started;
}

Result<std::unique_ptr<Generation>> ModelService::complete(const CompletionRequest& request,
                                                           Caller& caller) {
  auto started = start_completion(request, caller);
  if (!started) note_refusal({request.model, ModelKind::generate}, caller, started.error());
  return started;
}

Result<std::unique_ptr<Generation>> ModelService::start_chat(const ChatRequest& request,
                                                             Caller& caller) {
  auto ticket = open_ticket({request.model, ModelKind::generate}, caller);
  if (!ticket) return ticket.error();
  const LoadedModel& model = ticket->model->loaded;
  auto params = check_sampling(request.sampling, model);
  if (!params) return params.error();
  auto prompt = chat_prompt(ticket->model->served, model, request, true);
  if (!prompt) return prompt.error();
  auto limit = completion_limit(request.sampling, std::numeric_limits<uint32_t>::max(),
                                static_cast<uint32_t>(prompt->size()), model.max_model_len);
  if (!limit) return limit.error();
  params->max_tokens = *limit;
  std::vector<Row> rows;
  rows.push_back({*std::move(prompt), *std::move(params)});
  return generate(*std::move(ticket), std::move(rows), request.sampling, caller);
}

Result<std::unique_ptr<Generation>> ModelService::start_completion(const CompletionRequest& request,
                                                                   Caller& caller) {
  auto ticket = open_ticket({request.model, ModelKind::generate}, caller);
  if (!ticket) return ticket.error();
  const LoadedModel& model = ticket->model->loaded;
  if (request.prompts.empty()) return invalid("prompt is empty", "prompt");
  auto params = check_sampling(request.sampling, model);
  if (!params) return params.error();
  const uint64_t seed = params->seed;
  std::vector<Row> rows;
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    auto prompt = completion_prompt(model, request.prompts[i], request.add_special_tokens,
                                    field("prompt", i, request.prompts.size()));
    if (!prompt) return prompt.error();
    auto limit = completion_limit(request.sampling, kCompletionTokens,
                                  static_cast<uint32_t>(prompt->size()), model.max_model_len);
    if (!limit) return limit.error();
    params->max_tokens = *limit;
    params->seed = seed + i;
    rows.push_back({*std::move(prompt), *params});
  }
  return generate(*std::move(ticket), std::move(rows), request.sampling, caller);
}

Result<std::unique_ptr<Generation>> ModelService::generate(Ticket ticket, std::vector<Row> rows,
                                                           const Sampling& asked, Caller& caller) {
  auto admitted = admission_.admit(ticket, rows, caller);
  if (!admitted) return admitted.error();
  return std::make_unique<RunningGeneration>(std::move(ticket), *std::move(admitted),
                                             std::move(rows), asked, parts_.clock);
}

Result<Embeddings> ModelService::embed(const EmbeddingRequest& request, Caller& caller) {
  const auto refuse = [&](const Error& error) {
    note_refusal({request.model, ModelKind::embed}, caller, error);
    return error;
  };
  auto ticket = open_ticket({request.model, ModelKind::embed}, caller);
  if (!ticket) return refuse(ticket.error());
  const LoadedModel& model = ticket->model->loaded;
  if (request.inputs.empty()) return refuse(invalid("input is empty", "input"));
  const uint32_t size = model.text.vector_size;
  if (request.dimensions && (*request.dimensions == 0 || (size > 0 && *request.dimensions > size)))
    return refuse(invalid("dimensions is " + std::to_string(*request.dimensions) +
                              "; this model's vectors have " + std::to_string(size),
                          "dimensions"));
  std::vector<Row> rows;
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    auto ids = embedding_input(model, request.inputs[i], request,
                               field("input", i, request.inputs.size()));
    if (!ids) return refuse(ids.error());
    rows.push_back({*std::move(ids), work::EmbedParams{}});
  }
  auto admitted = admission_.admit(*ticket, rows, caller);
  if (!admitted) return refuse(admitted.error());
  Collection collection(*std::move(ticket), *std::move(admitted), rows, parts_.clock);
  return collection.collect(caller.gone, request.dimensions);
}

Result<Tokens> ModelService::tokenize(const TokenizeRequest& request, Caller& caller) {
  const auto* chat = std::get_if<ChatRequest>(&request.input);
  auto found = find_model({request.model, std::nullopt}, caller);
  if (!found) return found.error();
  const ReadyModel& model = **found;
  const text::Tokenizer& tokenizer = *model.loaded.text.tokenizer;
  auto ids =
      chat ? chat_prompt(model.served, model.loaded, *chat, false)
           : tokenizer.encode(std::get<std::string>(request.input), request.add_special_tokens);
  if (!ids) {
    if (ids.error().param.empty()) ids.error().param = "prompt";
    return ids.error();
  }
  Tokens tokens{.model = model.served.name,
                .ids = *std::move(ids),
                .pieces = {},
                .max_model_len = model.loaded.max_model_len};
  if (request.with_pieces)
    for (int32_t id : tokens.ids) tokens.pieces.push_back(tokenizer.piece(id).value_or(""));
  return tokens;
}

Result<std::string> ModelService::detokenize(const std::string& name,
                                             const std::vector<int32_t>& ids, Caller& caller) {
  auto found = find_model({name, std::nullopt}, caller);
  if (!found) return found.error();
  const text::Tokenizer& tokenizer = *(*found)->loaded.text.tokenizer;
  if (auto checked = check_ids(ids, tokenizer.vocabulary_size(), "tokens"); !checked)
    return checked.error();
  auto text = tokenizer.decode(ids, false);
  if (!text) text.error().param = "tokens";
  return text;
}

std::vector<ModelInfo> ModelService::models(const Caller& caller) {
  if (!caller.identity) return {};
  return models_.list(*caller.identity->key());
}

Readiness ModelService::readiness() {
  Readiness readiness{.draining = draining_, .models = models_.states()};
  readiness.alive = !parts_.alive || parts_.alive();
  readiness.ready = readiness.alive && !readiness.draining && models_.all_ready() &&
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
