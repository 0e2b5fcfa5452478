#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/client/console.h"
#include "app/client/daemon_client.h"
#include "app/client/own_daemon.h"
#include "app/given.h"
#include "weir/base/result.h"

namespace weir::app {

/// The daemon that a client command talks to.
struct ReachedDaemon {
  DaemonClient client;
  std::unique_ptr<OwnDaemon> own;  // set: it ends with this
};

/// The running daemon that the settings name: `host`, `port` and `api-key`. If neither host nor
/// port is given and none answers at the defaults, the only one whose process can be seen. Errors:
/// unavailable, with what to do; several could be meant.
Result<ReachedDaemon> reach_running(const Resolved& resolved);

/// Starts a daemon with these flags of `weir serve` and waits until it listens. Errors: what it
/// says in ending; cancelled, a signal came.
Result<ReachedDaemon> start_own(const std::vector<std::string>& flags, Console& console);

/// Waits until `model` is ready or failed; every model, if the name is empty. A terminal shows the
/// progress. Returns the states. Errors: those of the daemon; cancelled, a signal came.
Result<std::vector<ModelState>> wait_until_loaded(ReachedDaemon& daemon, const std::string& model,
                                                  Console& console);

}  // namespace weir::app
