#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/address_file.h"
#include "weir/base/progress.h"
#include "weir/base/result.h"

namespace weir::app {

/// A daemon, and the key to ask it with; an empty key is not sent.
struct DaemonAccess {
  DaemonAddress address;
  std::string key;
};

/// A model as a daemon tells of it.
struct ModelState {
  std::string name;
  Progress::State progress;  // phase "ready": it can be asked; "failed": it never can
  std::string failure;

  bool ready() const { return progress.phase == "ready"; }
  bool failed() const { return progress.phase == "failed"; }
};

/// A model that the key may ask.
struct ListedModel {
  std::string name, kind;  // kind "generate" or "embed"
  std::vector<std::string> tasks;
  int64_t max_tokens = 0;
  std::optional<int64_t> max_source = {};  // tokens; set: it is an encoder-decoder
};

/// Asks a daemon over HTTP. Each call is a connection of its own. Used by one thread. Errors of all
/// calls: unavailable, nobody answers; internal, the answer is not weir's; else what the daemon
/// says.
class DaemonClient {
 public:
  explicit DaemonClient(DaemonAccess access) : access_(std::move(access)) {}

  const DaemonAccess& access() const { return access_; }
  /// The state of each model. No key is needed.
  Result<std::vector<ModelState>> states() const;
  /// The models that are ready and that the key may ask.
  Result<std::vector<ListedModel>> models() const;
  /// Whether the daemon would answer the body of a chat request. It runs nothing.
  Result<void> try_chat(const std::string& body) const;

 private:
  DaemonAccess access_;
};

}  // namespace weir::app
