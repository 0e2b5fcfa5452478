#include "app/daemon.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <thread>

#include "app/access.h"
#include "app/intake_options.h"
#include "app/memory_plan.h"
#include "weir/arch/table.h"
#include "weir/base/log.h"
#include "weir/schedule/step_series.h"

namespace weir::app {
namespace {

// A step of a long prompt takes seconds on a small processor. A step thread without a tick for this
// long is stuck.
constexpr std::chrono::seconds kStuck{60};
// Drafts in a step: a sequence alone with its drafts fills one tile of rows. It reads the weights
// once, as without drafts.
constexpr uint32_t kMostDrafts = 12;

std::string authority(const std::string& host, int port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// "4608 pages of 16 tokens: 73728 tokens, 288 MiB"
std::string cache_text(const schedule::ModelSpec& spec, uint64_t page_bytes) {
  return fmt::format("{} pages of {} tokens: {} tokens, {} MiB", spec.pages, spec.page_size,
                     uint64_t{spec.pages} * spec.page_size, (spec.pages * page_bytes) >> 20);
}

std::string seconds_since(std::chrono::steady_clock::time_point start) {
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return fmt::format("{:.1f} s", spent.count());
}

traffic::ModelPace pace_of(const work::WorkQueue& queue) {
  const work::Outlook outlook = queue.outlook();
  const std::chrono::duration<double> backlog = queue.forecast_last().first_token;
  return {.prefill_tokens_per_s = outlook.prefill_tokens_per_s,
          .decode_tokens_per_s = outlook.decode_tokens_per_s,
          .prompt_tokens_per_s = outlook.prompt_tokens_per_s,
          .first_token_p99_s = outlook.first_token_p99_s,
          .backlog_s = backlog.count(),
          .turn_s = outlook.seats > 0 ? outlook.seat_seconds / outlook.seats : 0,
          .free_seats = outlook.seats - std::min(outlook.seats, outlook.taken)};
}

}  // namespace

void log_failed_model(const ModelChoice& choice, const Error& reason) {
  spdlog::error("model {} cannot be loaded: {}", choice.name, reason.message);
}

Result<std::unique_ptr<Daemon>> Daemon::start(Parts parts) {
  std::unique_ptr<Daemon> daemon(new Daemon(parts.config));
  daemon->device_ = std::move(parts.device);
  spdlog::info("weir {} on {}", WEIR_VERSION, daemon->device_->name());
  daemon->ledger_ = std::move(parts.ledger);
  daemon->gate_ = std::make_unique<traffic::Gate>(traffic::make_memory_limiter(), daemon->clock_,
                                                  traffic::GateOptions{.order = &daemon->order_});
  if (auto* ledger = daemon->ledger_.get())
    daemon->gate_->set_history(
        [ledger](const traffic::QuotaQuery& query) { return ledger->used(query); });
  if (auto made = daemon->make_models(std::move(parts.models)); !made) return made.error();
  daemon->brownout_ = std::move(parts.brownout);
  daemon->make_service(std::move(parts.keys));
  daemon->mark_failed_plans();
  schedule::StepLoop::Hooks hooks{.enter = [it = daemon.get()] { it->device_->enter(); },
                                  .lost =
                                      [it = daemon.get()](const Error& why) {
                                        spdlog::critical("{}", why.message);
                                        it->lost_ = true;
                                      }};
  daemon->loop_ = std::make_unique<schedule::StepLoop>(daemon->bell_, daemon->clock_,
                                                       daemon->metrics_, std::move(hooks));
  // Before anything is loaded, so that /ready can tell the progress.
  if (auto listening = daemon->listen(); !listening) return listening.error();
  daemon->load_models();
  return daemon;
}

Daemon::~Daemon() { stop(); }

Result<void> Daemon::make_models(Plans all) {
  failed_plans_ = std::move(all.failed);
  std::vector<PlannedModel>& plans = all.good;
  const Hardware hardware{.device = device_->kind(), .free = device_->free_memory()};
  set_step_limits(plans, config_, hardware);
  const CgroupLimits container = cgroup_limits();
  auto cache = plan_memory(plans, config_, hardware, container);
  if (!cache) return cache.error();
  for (const PlannedModel& plan : plans)
    spdlog::info("model {}: steps of {}", plan.choice.name, to_string(plan.step));
  if (container.memory)
    spdlog::info("memory: the container's limit is {} MiB, {} in use; {} for keys and values",
                 container.memory->limit >> 20, container.memory->used >> 20, *cache >> 20);
  work::WorkQueue::Limits limits{.requests = config_.queue_requests,
                                 .tokens = config_.queue_tokens};
  for (PlannedModel& plan : plans) {
    auto model = std::make_unique<Served>();
    model->plan = std::move(plan);
    model->queue = std::make_shared<work::WorkQueue>(limits, bell_, order_);
    model->progress = std::make_shared<Progress>();
    gate_->watch(model->plan.choice.name, [queue = model->queue] { return pace_of(*queue); });
    models_.push_back(std::move(model));
  }
  return {};
}

void Daemon::set_keys(std::shared_ptr<const traffic::KeyStore> keys) {
  warn_of_strangers(*keys);
  service_->set_keys(std::move(keys));
}

bool Daemon::is_served(const std::string& name) const {
  const auto loads = [&](const auto& model) { return model->plan.choice.name == name; };
  const auto failed = [&](const FailedModel& model) { return model.choice.name == name; };
  return std::any_of(models_.begin(), models_.end(), loads) ||
         std::any_of(failed_plans_.begin(), failed_plans_.end(), failed);
}

/// A key file may be that of several daemons, so an unknown model in it is no error.
void Daemon::warn_of_strangers(const traffic::KeyStore& keys) const {
  for (const traffic::ModelLimits& limited : keys.rules().models) {
    if (!is_served(limited.name))
      spdlog::warn("the key file limits model \"{}\", which is not served here", limited.name);
  }
}

void Daemon::make_service(std::shared_ptr<const traffic::KeyStore> keys) {
  warn_of_strangers(*keys);
  std::vector<serve::ServedModel> served;
  for (const auto& model : models_) {
    served.push_back({.name = model->plan.choice.name,
                      .tasks = tasks_of(model->plan.description),
                      .encoder_decoder = is_encoder_decoder(model->plan.description),
                      .created = std::time(nullptr),
                      .queue = model->queue,
                      .progress = model->progress});
  }
  for (const FailedModel& model : failed_plans_) {
    served.push_back(
        {.name = model.choice.name,
         .tasks = std::nullopt,
         .created = std::time(nullptr),
         .queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits(), bell_, order_)});
  }
  serve::ServiceOptions options{
      .max_wait = config_.max_wait,
      .shed_mark = std::max<size_t>(1, config_.queue_requests * 9 / 10),
      .ietf_headers = config_.ietf_headers,
      .response_cache = config_.response_cache,
      .brownout = brownout_,
      .intake = intake_options(config_, static_cast<int>(std::thread::hardware_concurrency()),
                               cgroup_limits())};
  serve::ServiceParts parts{.gate = *gate_,
                            .metrics = metrics_,
                            .clock = clock_,
                            .alive = [this] { return loop_->since_tick() < kStuck; },
                            .ledger = ledger_.get()};
  service_ = serve::make_service(options, std::move(parts), std::move(keys), std::move(served));
}

Result<void> Daemon::listen() {
  http::ServerOptions options{.host = config_.host,
                              .port = config_.port,
                              .max_body = config_.max_body,
                              .max_connections = config_.max_connections,
                              .keep_alive = config_.keep_alive,
                              .cors_origins = config_.cors_origins,
                              .allowed_hosts = allowed_hosts(config_),
                              .overload_status = config_.overload_status,
                              .refuse_unknown_fields = config_.refuse_unknown_fields,
                              .version = WEIR_VERSION};
  auto server = http::Server::start(std::move(options), *service_, metrics_);
  if (!server) return server.error();
  server_ = std::move(*server);
  address_file_.emplace(config_.host, server_->port());
  spdlog::info("listening on http://{}", authority(config_.host, server_->port()));
  return {};
}

void Daemon::mark_failed_plans() {
  for (const FailedModel& model : failed_plans_) {
    service_->mark_failed(model.choice.name, model.reason);
    // Makes the series with zeros, as for a model that fails later.
    schedule::StepSeries{metrics_, {{"model", model.choice.name}}};
  }
}

void Daemon::load_models() {
  for (const auto& each : models_) {
    Served* model = each.get();
    const StepLimits& step = model->plan.step;
    if (!model->plan.description.weight_files.empty())
      model->fingerprint =
          fingerprints_.of(model->plan.choice.name, model->plan.description.weight_files);
    const schedule::SchedulerOptions options{.max_sequences = step.sequences,
                                             .max_batch_tokens = step.tokens,
                                             .min_chunk_tokens = step.least_chunk,
                                             .max_chunk_tokens = step.most_chunk,
                                             .prefix_cache = config_.prefix_cache,
                                             .max_drafts = config_.drafts ? kMostDrafts : 0};
    loop_->add(
        {.name = model->plan.choice.name,
         .options = options,
         .queue = model->queue,
         .load = [this, model] { return load(*model); },
         .loaded = [this, model](
                       Result<schedule::ModelSpec> spec) { announce(*model, std::move(spec)); }});
  }
}

Result<std::unique_ptr<schedule::Runner>> Daemon::load(Served& model) {
  model.begun = std::chrono::steady_clock::now();
  model.progress->set("reading the tokenizer", 0);
  auto text = serve::load_text_side(model.plan.choice.directory, tasks_of(model.plan.description));
  if (!text) return text.error();
  malloc_trim(0);  // a tokenizer of 4 MB leaves 40 MB that malloc keeps
  auto loaded = engine::load(model.plan.load, arch::table(), *device_, *model.progress);
  if (!loaded) return loaded.error();
  const engine::Description& is = loaded->description;
  const auto rows = static_cast<int32_t>(is.shape.vocabulary);
  const uint32_t length = serve::longest_input(*text, is.max_model_len);
  for (const auto& warnings : {serve::fit_vocabulary(*text, rows), text->notes,
                               warn_of_length(is.heads, length), is.warnings})
    for (const std::string& warning : warnings)
      spdlog::warn("model {}: {}", model.plan.choice.name, warning);
  auto encoder = encoder_of(model.plan.choice.directory, is);
  if (!encoder) return encoder.error();
  model.loaded = serve::ModelCard{.text = std::move(*text),
                                  .max_model_len = length,
                                  .encoder = *encoder,
                                  .reads_types = is.shape.token_types > 1,
                                  .vocabulary_rows = rows,
                                  .architecture = is.architecture,
                                  .dtype = is.dtype,
                                  .fingerprint = model.fingerprint,
                                  .heads = is.heads,
                                  .trust_control_tokens = config_.trust_control_tokens,
                                  .accept_embedding_ids = config_.accept_embedding_ids};
  return std::move(loaded->runner);
}

void Daemon::announce(Served& model, Result<schedule::ModelSpec> spec) {
  const std::string& name = model.plan.choice.name;
  if (!spec && spec.error().code == Code::cancelled) return;
  if (!spec) {
    log_failed_model(model.plan.choice, spec.error());
    service_->mark_failed(name, spec.error());
    model.loaded.reset();
    model.failed = true;
    model.done = true;
    return;
  }
  const auto& encoder = model.loaded->encoder;
  const std::string source =
      encoder ? fmt::format(", sources of {} tokens", encoder->max_tokens) : "";
  spdlog::info("model {} is ready: {}, {}, {} tokens{}, loaded in {}", name,
               model.loaded->architecture, model.loaded->dtype, model.loaded->max_model_len, source,
               seconds_since(model.begun));
  if (spec->pages > 0)
    spdlog::info("model {}: the cache has {}", name,
                 cache_text(*spec, model.plan.description.page_bytes));
  model.offer = Offer{.model = name,
                      .tasks = tasks_of(model.plan.description),
                      .converses = model.loaded->text.chat_template && !encoder,
                      .encoder_decoder = encoder.has_value()};
  model.progress->set("ready", 100);
  service_->mark_ready(name, *std::exchange(model.loaded, std::nullopt));
  model.done = true;
}

std::optional<std::pair<std::string, Progress::State>> Daemon::loading() const {
  for (const auto& model : models_) {
    if (!model->done) return std::pair(model->plan.choice.name, model->progress->state());
  }
  return std::nullopt;
}

void Daemon::announce_drain() { server_->announce_drain(); }

bool Daemon::failed() const {
  const auto failed = [](const auto& model) { return model->failed.load(); };
  return config_.require_all ? std::any_of(models_.begin(), models_.end(), failed)
                             : std::all_of(models_.begin(), models_.end(), failed);
}

void Daemon::log_what_is_ready() const {
  std::string failed;
  const auto add = [&](const std::string& name) { failed += (failed.empty() ? "" : ", ") + name; };
  for (const auto& model : models_)
    if (model->failed) add(model->plan.choice.name);
  for (const FailedModel& model : failed_plans_) add(model.choice.name);
  if (failed.empty())
    spdlog::info("all models are ready");
  else
    spdlog::warn("ready, but for models that failed: {}", failed);
  if (config_.log_format == "text") show_first_calls();
}

void Daemon::show_first_calls() const {
  const bool wants_key = service_->wants_key();
  spdlog::info("{}", wants_key ? "requests need a key" : "no key is needed");
  std::vector<Offer> offers;
  for (const auto& model : models_)
    if (model->offer) offers.push_back(*model->offer);
  const std::string where = reachable_host(config_.host) + ":" + std::to_string(server_->port());
  // Not as lines of the log: a time before them would have to be cut off to use them.
  for (const std::string& call : first_calls(offers, where, wants_key))
    show_beside_log(call + "\n");
}

void Daemon::drain() {
  service_->drain();
  server_->drain();
  gate_->close();
}

size_t Daemon::in_flight() const { return std::max(server_->in_flight(), service_->in_flight()); }

void Daemon::stop() {
  if (loop_) loop_->stop();
  if (server_) server_->stop();
}

}  // namespace weir::app
