#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/address_file.h"
#include "app/config.h"
#include "app/fingerprints.h"
#include "app/first_calls.h"
#include "app/plan.h"
#include "weir/base/clock.h"
#include "weir/base/doorbell.h"
#include "weir/base/metrics.h"
#include "weir/base/progress.h"
#include "weir/base/service_order.h"
#include "weir/engine/device.h"
#include "weir/http/server.h"
#include "weir/schedule/step_loop.h"
#include "weir/serve/make_service.h"
#include "weir/traffic/gate.h"
#include "weir/traffic/key.h"
#include "weir/traffic/ledger.h"
#include "weir/work/work_queue.h"

namespace weir::app {

/// Writes a log line that says why a model cannot be served.
void log_failed_model(const ModelChoice& choice, const Error& reason);

/// The objects of a running daemon, made from a Config in the order in which they need each other.
/// Used by the main thread; it owns all other threads.
class Daemon {
 public:
  /// What the daemon is made from. All of it is checked before.
  struct Parts {
    const Config& config;
    std::shared_ptr<const traffic::KeyStore> keys;
    std::unique_ptr<engine::Device> device;
    Plans models;  // REQUIRES: at least one is good
    std::vector<serve::BrownoutRule> brownout;
    std::unique_ptr<traffic::Ledger> ledger;  // null: no usage is kept
  };

  /// Listens, then begins to load. Errors: the address cannot be bound.
  static Result<std::unique_ptr<Daemon>> start(Parts parts);
  ~Daemon();
  Daemon(const Daemon&) = delete;

  void set_keys(std::shared_ptr<const traffic::KeyStore> keys);

  /// The model that is being loaded, and its progress. None: each model is loaded or failed.
  std::optional<std::pair<std::string, Progress::State>> loading() const;
  /// Whether no model could be loaded, or with require-all one could not. The log says why.
  bool failed() const;
  /// Tells in the log what can be asked. Call it when no model loads any more.
  void log_what_is_ready() const;
  /// Whether the device computes no more in this process. All requests to it are answered.
  bool lost() const { return lost_; }

  /// What each model does that is loaded.
  std::vector<schedule::StepLoop::Activity> activity() const { return loop_->activity(); }

  /// From now on /ready says that the daemon drains. It still takes work.
  void announce_drain();
  /// Takes no new work from now on. Running work goes on.
  void drain();
  /// Requests that are not answered yet.
  size_t in_flight() const;
  /// Writes what is not on disk yet, for an end without destructors.
  void save() {
    if (ledger_) ledger_->flush();
  }
  /// Ends running requests, then the steps, then HTTP.
  void stop();

 private:
  struct Served {
    PlannedModel plan;
    std::shared_ptr<work::WorkQueue> queue;
    std::shared_ptr<Progress> progress;
    std::chrono::steady_clock::time_point begun{};
    std::shared_ptr<const Later<std::string>> fingerprint;  // null: its weights are random
    std::optional<serve::ModelCard> loaded;                 // set between load() and announce()
    std::optional<Offer> offer;                             // set once it is ready, before `done`
    std::atomic<bool> done = false, failed = false;         // done: loading has ended
  };

  explicit Daemon(const Config& config) : config_(config) {}

  Result<void> make_models(Plans plans);
  bool is_served(const std::string& name) const;
  void warn_of_strangers(const traffic::KeyStore& keys) const;
  void make_service(std::shared_ptr<const traffic::KeyStore> keys);
  Result<void> listen();
  void mark_failed_plans();
  void load_models();
  Result<std::unique_ptr<schedule::Runner>> load(Served& model);
  void announce(Served& model, Result<schedule::ModelSpec> spec);
  void show_first_calls() const;

  const Config& config_;
  const SteadyClock clock_;
  const ServiceOrder& order_ = fair_order();  // of the gate's line and of all queues
  const std::shared_ptr<Doorbell> bell_ = std::make_shared<Doorbell>();
  Registry metrics_;
  std::unique_ptr<engine::Device> device_;
  std::unique_ptr<traffic::Ledger> ledger_;
  std::unique_ptr<traffic::Gate> gate_;
  std::vector<std::unique_ptr<Served>> models_;
  std::vector<FailedModel> failed_plans_;
  std::vector<serve::BrownoutRule> brownout_;
  std::atomic<bool> lost_ = false;
  std::unique_ptr<serve::SteeredService> service_;
  std::unique_ptr<http::Server> server_;
  std::optional<AddressFile> address_file_;
  Fingerprints fingerprints_;
  std::unique_ptr<schedule::StepLoop> loop_;  // destroyed first: its thread uses all of the above
};

}  // namespace weir::app
