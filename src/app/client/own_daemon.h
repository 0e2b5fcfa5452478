#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/client/daemon_client.h"
#include "weir/base/result.h"

namespace weir::app {

/// A daemon that this process starts for itself: a child on a free port of loopback, which wants a
/// key that only this process knows. It ends with this object, and with the thread that made it,
/// however that ends. Used by one thread.
class OwnDaemon {
 public:
  /// `flags`: those of `weir serve` that say which models and how. Errors: the process cannot be
  /// started.
  static Result<std::unique_ptr<OwnDaemon>> start(const std::vector<std::string>& flags);
  ~OwnDaemon();
  OwnDaemon(const OwnDaemon&) = delete;

  /// None: it does not listen yet.
  std::optional<DaemonAccess> access() const;
  /// Whether the process has ended by itself.
  bool ended();
  /// The end of what it wrote to standard error.
  std::string last_words() const;

 private:
  OwnDaemon(int log, std::string key) : log_(log), key_(std::move(key)) {}

  const int log_;  // a memory file
  const std::string key_;
  pid_t process_ = 0;
  bool ended_ = false;
};

}  // namespace weir::app
