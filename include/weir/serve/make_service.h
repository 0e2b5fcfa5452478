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
  std::chrono::milliseconds max_wait{2000};  // at the gate, of keys that name none
  uint32_t default_reserve = 512;            // completion tokens paid in advance at most
  std::chrono::milliseconds retry_after{
      2000};                  // what a client is told when we are full, loading or draining
  size_t shed_mark = 1000;    // requests that wait for a model from which on we are not ready
  bool ietf_headers = false;  // RateLimit and RateLimit-Policy beside x-ratelimit-*
  size_t response_cache = 0;  // bytes of answers that are kept; 0: off
  std::vector<BrownoutRule> brownout;
  traffic::IntakeOptions intake;
};

/// What the service stands on. All of it outlives the service.
struct ServiceParts {
  traffic::Gate& gate;
  Registry& metrics;
  const Clock& clock;
  std::function<bool()> alive;        // the step thread ticks
  traffic::Ledger* ledger = nullptr;  // null: no usage is kept
};

/// The service and what its owner steers. Thread-safe. Outlives its Generations.
///
/// Conventions: each prompt of a request counts as one request at the gate; choice i of a request
/// draws with its seed + i. A request that its client leaves, or whose deadline passes while it
/// runs, is charged the prompts that began and the tokens made; one that fails by our fault before
/// its first token costs nothing.
class SteeredService : public Service {
 public:
  /// Replaces keys and the limits of models; requests that run keep what they had.
  virtual void set_keys(std::shared_ptr<const traffic::KeyStore> keys) = 0;
  /// REQUIRES: `name` is one of the models. An embedding model's limit is the smaller of the
  /// folder's and the model's.
  virtual void mark_ready(const std::string& name, LoadedModel loaded) = 0;
  /// REQUIRES: `name` is one of the models. Its requests are answered `model_failed` from now on.
  virtual void mark_failed(const std::string& name, const Error& reason) = 0;
  /// From now on new work is answered unavailable; what runs goes on.
  virtual void drain() = 0;
  /// Calls and generations that have not ended: 0 after drain() means that nothing is left.
  virtual size_t in_flight() const = 0;
};

/// REQUIRES: names and aliases of `models` are distinct, each has a queue; `keys` is not null.
std::unique_ptr<SteeredService> make_service(ServiceOptions options, ServiceParts parts,
                                             std::shared_ptr<const traffic::KeyStore> keys,
                                             std::vector<ServedModel> models);

}  // namespace weir::serve
