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

/// Answers requests that the same tenant asked before from memory, and lets identical ones that
/// come at the same time share one run: greedy generations, and every task that reads. Notes which:
/// hit, miss or coalesced. Errors are not kept. Thread-safe; outlives its Generations.
///
/// A request joins a run that is past the gate and was asked with no less priority and without a
/// deadline: another's limits and deadline are not its own. If that run fails, all that read it
/// fail alike.
class ResponseCache {
 public:
  struct Parts {
    const Admission& admission;
    Registry& metrics;
    const Clock& clock;
  };
  /// `bytes` 0: off, every request runs by itself.
  ResponseCache(size_t bytes, Parts parts);

  /// `start` begins a run of its own without blocking.
  using Start = std::function<Result<std::unique_ptr<Generation>>(Checked)>;
  Result<std::unique_ptr<Generation>> run(Checked checked, Caller& caller, const Start& start);

 private:
  static constexpr const char *kHit = "hit", *kMiss = "miss", *kCoalesced = "coalesced";

  /// What serves a request without the model: an answer, or else a run.
  struct Source {
    std::shared_ptr<const StoredAnswer> answer;
    std::shared_ptr<SharedRun> run;
  };

  /// A run and the priority it has.
  struct Running {
    std::weak_ptr<SharedRun> run;
    int priority = 0;
  };

  std::shared_ptr<SharedRun> joinable(const ResponseKey& key, int priority) const;
  Result<std::unique_ptr<Generation>> lead(const ResponseKey& key, Checked checked, Caller& caller,
                                           const Start& start);
  /// Into the gate's line; once through, serve().
  Result<std::unique_ptr<Generation>> spare(Checked checked, Caller& caller, Source source);
  Result<std::unique_ptr<Generation>> serve(GateLine& line, const Source& source);
  void keep(const ResponseKey& key, StoredAnswer answer);
  void count(const std::string& model, const char* outcome) const;
  void note(const Ticket& ticket, Caller& caller, const char* outcome);

  const size_t most_bytes_;
  const Parts parts_;
  const Gauge bytes_, answers_;
  std::mutex mutex_;  // guards what follows
  ResponseStore store_;
  std::unordered_map<ResponseKey, Running, ResponseKeyHash> running_;
  size_t sweep_at_ = 64;  // runs that were left alone are forgotten at this many
};

}  // namespace weir::serve
