#include "app/client/reach.h"

#include <algorithm>
#include <chrono>

#include "app/loading.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kLook{50};

Error cancelled() { return {.code = Code::cancelled, .message = "stopped by a signal"}; }

bool is_given(const Resolved& resolved, const std::string& name) {
  return std::ranges::any_of(resolved.decided, [&](const Decided& decided) {
    return decided.setting->name == name && decided.given.origin != "default";
  });
}

/// The only other daemon that runs here. Errors: `otherwise` if there is none; several.
Result<DaemonClient> only_one_here(const std::string& key, const Error& otherwise) {
  std::vector<DaemonClient> found;
  std::string urls;
  for (const DaemonAddress& address : addresses_here()) {
    DaemonClient client({.address = address, .key = key});
    if (!client.states()) continue;
    found.push_back(client);
    urls += (urls.empty() ? "" : " and ") + url_of(address);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return otherwise;
  return invalid("daemons answer at " + urls + ": name one by --host and --port");
}

}  // namespace

Result<ReachedDaemon> reach_running(const Resolved& resolved) {
  const Config& config = resolved.config;
  const DaemonAddress address{.host = reached_from_here(config.host), .port = config.port};
  DaemonClient client({.address = address, .key = config.api_key});
  auto states = client.states();
  if (states) return ReachedDaemon{.client = client, .own = nullptr};
  if (is_given(resolved, "host") || is_given(resolved, "port")) return states.error();
  auto other = only_one_here(config.api_key, states.error());
  if (!other) return other.error();
  return ReachedDaemon{.client = *other, .own = nullptr};
}

Result<ReachedDaemon> start_own(const std::vector<std::string>& flags, Console& console) {
  auto own = OwnDaemon::start(flags);
  if (!own) return own.error();
  while (true) {
    if (auto access = (*own)->access())
      return ReachedDaemon{.client = DaemonClient(*access), .own = std::move(*own)};
    if ((*own)->ended())
      return Error{.message = "its own daemon did not start:\n" + (*own)->last_words()};
    if (console.wait_for_signal(kLook)) return cancelled();
  }
}

Result<std::vector<ModelState>> wait_until_loaded(ReachedDaemon& daemon, const std::string& model,
                                                  Console& console) {
  bool shown = false;
  const auto clear = [&] {
    if (shown) console.note("\r\x1b[K");
  };
  while (true) {
    auto states = daemon.client.states();
    if (!states && daemon.own && daemon.own->ended()) {
      clear();
      return Error{.message = "its own daemon has ended:\n" + daemon.own->last_words()};
    }
    if (!states) return clear(), states.error();
    const auto loads = [&](const ModelState& state) {
      return !state.ready() && !state.failed() && (model.empty() || state.name == model);
    };
    const auto loading = std::ranges::find_if(*states, loads);
    if (loading == states->end()) return clear(), std::move(*states);
    if (console.notes_are_seen()) {
      console.note(progress_bar(loading->name, loading->progress) + "\x1b[K\r");
      shown = true;
    }
    if (console.wait_for_signal(kLook)) return clear(), cancelled();
  }
}

}  // namespace weir::app
