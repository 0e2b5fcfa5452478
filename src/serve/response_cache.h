#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "admission.h"
#include "checked.h"
#include "response_cache_key.h"
#include "response_cache_readers.h"
#include "response_cache_run.h"
#include "response_cache_store.h"
#include "weir/base/metrics.h"

namespace weir::serve {

struct GateLine;

/// Answers a request from memory if the same tenant made the same request before. Identical
/// requests that come at the same time share one run. Both hold for greedy generations and for
/// every task that reads. Notes the outcome: hit, miss or coalesced. Errors are not kept.
/// Thread-safe; outlives its Generations.
///
/// A request joins a run only if the run is past the gate, has no lower priority and has no
/// deadline. So a request depends on no other request's limits or deadline. If a shared run fails,
/// all its readers get the error.
class ResponseCache {
 public:
  struct Parts {
    const Admission& admission;
    Registry& metrics;
    const Clock& clock;
  };
  /// `bytes` 0: the cache is off, and every request runs by itself.
  ResponseCache(size_t bytes, Parts parts);

  /// `start` begins a run for this request alone, without blocking.
  using Start = std::function<Result<std::unique_ptr<Generation>>(Checked)>;
  Result<std::unique_ptr<Generation>> run(Checked checked, Caller& caller, const Start& start);

 private:
  static constexpr const char *kHit = "hit", *kMiss = "miss", *kCoalesced = "coalesced";

  /// What serves a request without the model: a stored answer or a shared run.
  struct Source {
    std::shared_ptr<const StoredAnswer> answer;
    std::shared_ptr<SharedRun> run;
  };

  /// A run and its priority.
  struct RankedRun {
    std::weak_ptr<SharedRun> run;
    int priority = 0;
  };

  std::shared_ptr<SharedRun> joinable(const ResponseKey& key, int priority) const;
  Result<std::unique_ptr<Generation>> lead(const ResponseKey& key, Checked checked, Caller& caller,
                                           const Start& start);
  /// Enters the gate's line; serve() follows once the place is admitted.
  Result<std::unique_ptr<Generation>> spare(Checked checked, Caller& caller, Source source);
  Result<std::unique_ptr<Generation>> serve(GateLine& line, const Source& source);
  void keep(const ResponseKey& key, StoredAnswer answer);
  void count(const std::string& model, const char* outcome) const;
  void note(const Ticket& ticket, Caller& caller, const char* outcome);

  const size_t most_bytes_;
  const Parts parts_;
  const Gauge bytes_, answers_;
  std::mutex mutex_;  // guards the members below
  ResponseStore store_;
  std::unordered_map<ResponseKey, RankedRun, ResponseKeyHash> running_;
  size_t sweep_at_ = 64;  // at this many runs the ended ones are removed
};

}  // namespace weir::serve
