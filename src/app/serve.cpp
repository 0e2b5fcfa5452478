#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <system_error>
#include <thread>

#include "app/access.h"
#include "app/commands.h"
#include "app/daemon.h"
#include "app/key_watch.h"
#include "app/loading.h"
#include "app/stop_signals.h"
#include "app/summary.h"
#include "weir/base/log.h"
#include "weir/kernels/cpu_isa.h"

namespace weir::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLoadingTick{100};
constexpr milliseconds kTick{1000};
constexpr milliseconds kServingTick{200};
constexpr milliseconds kDrainTick{20};
constexpr milliseconds kLostDrain{500};  // in which clients read their error events
constexpr milliseconds kLostSave{300};

int fail_logged(const Error& error) {
  spdlog::critical("{}", error.message);
  return kFailed;
}

int fail_for_models(const Config& config) {
  return fail_logged({.message = config.require_all
                                     ? "a model cannot be loaded, and require-all is set"
                                     : "no model can be loaded"});
}

bool can_start(const Plans& plans, const ModelChoices& choices, const Config& config) {
  const bool all = plans.failed.empty() && choices.skipped.empty();
  return !plans.good.empty() && (all || !config.require_all);
}

/// Ends the process without destructors.
[[noreturn]] void end_process(int code) {
  drain_log(kLastLines);
  _exit(code);
}

void look_at_keys(const Config& config, KeyWatch& watch, Daemon& daemon, bool asked) {
  if (asked && config.keys.empty())
    return spdlog::warn("SIGHUP does nothing here: there is no key file");
  auto keys = asked ? watch.read_again() : watch.look();
  if (!keys) {
    spdlog::error("key file refused, the old keys hold: {}", keys.error().message);
  } else if (*keys) {
    daemon.set_keys(*keys);
    spdlog::info("key file read again: {} keys", (*keys)->size());
  }
}

/// Waits until no model loads any more, or a signal comes. Returns the signal, if one came.
std::optional<int> wait_for_models(const Daemon& daemon, StopSignals& signals, bool terminal) {
  LoadingReport report(terminal);
  auto next_line = steady_clock::now() + kTick;
  while (!daemon.failed() && !daemon.lost()) {
    auto loading = daemon.loading();
    if (!loading) return std::nullopt;
    if (terminal || steady_clock::now() >= next_line) {
      report.show(loading->first, loading->second);
      next_line = steady_clock::now() + kTick;
    }
    if (auto signal = signals.wait(kLoadingTick)) return signal;
  }
  return std::nullopt;
}

/// Still takes new requests for a while, so that load balancers learn of the drain first. A second
/// signal ends the wait.
void delay_drain(Daemon& daemon, StopSignals& signals, milliseconds limit) {
  daemon.announce_drain();
  const auto end = steady_clock::now() + limit;
  while (!daemon.failed() && !daemon.lost() && steady_clock::now() < end) {
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (signals.wait(std::min(left, kServingTick))) return;
  }
}

/// Lets running work end, until the deadline or a second signal.
void drain(Daemon& daemon, StopSignals& signals, milliseconds limit) {
  daemon.drain();
  auto deadline = steady_clock::now() + limit;
  while (daemon.in_flight() > 0 && steady_clock::now() < deadline) {
    if (auto again = signals.wait(kDrainTick)) {
      spdlog::warn("second signal: ends now");
      signals.let_kill();  // in case the disk is slow
      daemon.save();
      end_process(128 + *again);
    }
  }
  if (size_t left = daemon.in_flight(); left > 0)
    spdlog::warn("{} requests did not end in time", left);
}

/// The loading of a model cannot be interrupted, so the process ends.
void leave_at_once_if_loading(Daemon& daemon) {
  if (!daemon.loading()) return;
  daemon.save();
  spdlog::info("stopped while loading");
  end_process(0);
}

/// Saves before the process ends. A disk that hangs does not hold up the end.
void save_within(Daemon& daemon, milliseconds limit) {
  std::packaged_task<void()> save([&daemon] { daemon.save(); });
  auto saved = save.get_future();
  try {
    std::thread(std::move(save)).detach();
  } catch (const std::system_error& failure) {
    return spdlog::error("usage is not written: {}", failure.what());
  }
  if (saved.wait_for(limit) != std::future_status::ready)
    spdlog::error("usage is not written within {} ms", limit.count());
}

/// Even the memory on the device cannot be freed: only a new process helps.
[[noreturn]] void end_lost(Daemon& daemon, StopSignals& signals) {
  drain(daemon, signals, kLostDrain);
  save_within(daemon, kLostSave);
  spdlog::critical("ends with code {}: the device is lost", kDeviceLost);
  end_process(kDeviceLost);
}

int run(Daemon& daemon, StopSignals& signals, const Config& config) {
  KeyWatch keys(config.keys, [&config] { return open_keys(config); });
  bool terminal = config.log_format == "text" && isatty(STDERR_FILENO) == 1;
  auto signal = wait_for_models(daemon, signals, terminal);
  if (!signal && !daemon.failed() && !daemon.lost()) daemon.log_what_is_ready();
  const SteadyClock clock;
  Summary summary(clock);
  while (!signal && !daemon.failed() && !daemon.lost()) {
    summary.look([&daemon] { return daemon.activity(); });
    look_at_keys(config, keys, daemon, signals.take_hang_up());
    signal = signals.wait(kServingTick);
  }
  if (signal) {
    if (config.drain_delay > milliseconds(0)) {
      spdlog::info("signal {}: /ready is 503, drains in {} ms", *signal,
                   config.drain_delay.count());
      delay_drain(daemon, signals, config.drain_delay);
    }
    spdlog::info("signal {}: takes no new requests, {} run", *signal, daemon.in_flight());
    drain(daemon, signals, config.drain_timeout);
    leave_at_once_if_loading(daemon);
  }
  if (daemon.lost()) end_lost(daemon, signals);
  signals.let_kill();
  daemon.stop();
  spdlog::info("stopped");
  return daemon.failed() ? fail_for_models(config) : 0;
}

int serve_until_stopped(const Resolved& resolved) {
  const Config& config = resolved.config;
  StopSignals signals;
  auto choices = choose_models(config);
  if (!choices) return fail(kWrongSetting, choices.error());
  auto keys = open_keys(config);
  if (!keys) return fail(kWrongSetting, keys.error());
  auto format = config.log_format == "json" ? LogFormat::json : LogFormat::text;
  if (auto log = start_log(format, config.log_level); !log) return fail(kWrongSetting, log.error());
  for (const std::string& name : resolved.misspelt) {
    spdlog::warn("{}", about_unknown(name));
  }
  if (auto isa = kernels::detect_isa(); !isa) return fail_logged(isa.error());
  std::unique_ptr<traffic::Ledger> ledger;
  if (!config.data_dir.empty()) {
    auto opened = traffic::open_ledger(config.data_dir);
    if (!opened) return fail_logged(opened.error());
    ledger = *std::move(opened);
  }
  auto device = engine::Device::open({.kind = engine::best_device(), .threads = config.threads});
  if (!device) return fail_logged(device.error());
  Plans models = plan_models(choices->models, config, (*device)->kind());
  for (const FailedModel& model : models.failed) log_failed_model(model.choice, model.reason);
  for (const std::string& line : choices->skipped) spdlog::warn("{}", line);
  if (!can_start(models, *choices, config)) return fail_for_models(config);
  auto brownout = brownout_rules(config, models);
  if (!brownout) return fail(kWrongSetting, brownout.error());
  auto daemon = Daemon::start({.config = config,
                               .keys = *keys,
                               .device = std::move(*device),
                               .models = std::move(models),
                               .brownout = std::move(*brownout),
                               .ledger = std::move(ledger)});
  if (!daemon) return fail_logged(daemon.error());
  return run(**daemon, signals, config);
}

}  // namespace

int serve(const Resolved& resolved) {
  try {
    return serve_until_stopped(resolved);
  } catch (const std::system_error& failure) {  // so std::thread reports a refused thread
    return fail(kFailed, {.message = std::string("a thread cannot be started: ") + failure.what() +
                                     "; see `ulimit -u` and the container's limit of processes"});
  }
}

}  // namespace weir::app
