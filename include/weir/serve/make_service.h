#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/metrics.h"
#include "weir/serve/brownout.h"
#include "weir/serve/served_model.h"
#include "weir/serve/service.h"
#include "weir/traffic/gate.h"
#include "weir/traffic/intake.h"
#include "weir/traffic/key.h"
#include "weir/traffic/ledger.h"

namespace weir::serve {

struct ServiceOptions {
  std::chrono::milliseconds max_wait{2000};  // at the gate, for keys without their own max_wait
  uint32_t default_reserve = 512;            // the most completion tokens that are paid in advance
  std::chrono::milliseconds retry_after{
      2000};                  // for clients, while the daemon is full, loads or drains
  size_t shed_mark = 1000;    // the daemon is not ready while so many wait for a model
  bool ietf_headers = false;  // RateLimit and RateLimit-Policy beside x-ratelimit-*
  size_t response_cache = 0;  // bytes of answers that are kept; 0: off
  std::vector<BrownoutRule> brownout;
  traffic::IntakeOptions intake;
};

/// What the service uses. All of it outlives the service.
struct ServiceParts {
  traffic::Gate& gate;
  Registry& metrics;
  const Clock& clock;
  std::function<bool()> alive;        // the step thread ticks
  traffic::Ledger* ledger = nullptr;  // null: no usage is kept
};

/// The service, with the controls of its owner. Thread-safe. Outlives its Generations.
///
/// Conventions: each prompt of a request counts as one request at the gate; choice i of a request
/// draws with its seed + i. If the client leaves, or the deadline passes while the request runs,
/// the request is charged the prompts that began and the tokens that were made. A request that
/// fails by the daemon's fault before its first token costs nothing.
class SteeredService : public Service {
 public:
  /// Replaces the keys and the limits of models. Running requests keep their old ones.
  virtual void set_keys(std::shared_ptr<const traffic::KeyStore> keys) = 0;
  /// REQUIRES: `name` is one of the models. max_model_len becomes longest_input().
  virtual void mark_ready(const std::string& name, ModelCard loaded) = 0;
  /// REQUIRES: `name` is one of the models. Its requests are answered `model_failed` from now on.
  virtual void mark_failed(const std::string& name, const Error& reason) = 0;
  /// From now on new work is refused as unavailable; running work goes on.
  virtual void drain() = 0;
  /// Calls and generations that have not ended: 0 after drain() means that nothing is left.
  virtual size_t in_flight() const = 0;
};

/// REQUIRES: names and aliases of `models` are distinct; each model has a queue; `keys` is not
/// null.
std::unique_ptr<SteeredService> make_service(ServiceOptions options, ServiceParts parts,
                                             std::shared_ptr<const traffic::KeyStore> keys,
                                             std::vector<ServedModel> models);

}  // namespace weir::serve
