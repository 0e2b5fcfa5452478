#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/progress.h"
#include "weir/base/result.h"
#include "weir/serve/ask.h"
#include "weir/serve/caller.h"
#include "weir/serve/generation.h"
#include "weir/serve/tasks.h"
#include "weir/serve/usage.h"

/// What can be asked of the daemon, in plain types. `api` translates to and from JSON; nothing here
/// knows of it.
namespace weir::serve {

struct Tokens {
  std::string model;
  std::vector<int32_t> ids;
  std::vector<std::string> pieces;  // only with_pieces
  uint32_t max_model_len = 0;
};

/// What a request would be charged, where it would stand and whether it would come in, without
/// being run.
struct DryRun {
  struct Row {
    std::string text;  // the prompt as it is tokenized: rendered, or what its ids say
    std::vector<int32_t> ids;
  };
  struct Bucket {
    std::string owner, unit, window;  // "key web", "tokens", "60s"; no window: concurrent requests
    int64_t cap = 0, remaining = 0;   // below 0: in debt
    std::chrono::milliseconds full_in{0};
  };
  std::string model;
  std::vector<Row> rows;
  int64_t requests = 0, input_tokens = 0, output_tokens = 0;  // taken in advance
  std::vector<Bucket> limits;
  std::chrono::milliseconds gate_wait{0}, queue_wait{0};  // as predicted
  size_t queue_position = 0;                              // 1: next
  std::optional<Error> refusal;  // what it would be answered; none: it would come in
};

struct ModelInfo {
  std::string name;
  std::optional<Tasks> tasks;  // unset: its folder does not say
  int64_t created = 0;         // seconds since 1970
  uint32_t max_model_len = 0;
  std::string architecture, dtype;
  std::string fingerprint;  // "fp_" and 12 hex digits of the weights' hash
  std::string failure;      // why it cannot be loaded; then only name, tasks and created are known
};

/// A model's way to being served: `progress.phase` is "ready" at its end, or "failed".
struct ModelState {
  std::string name;
  Progress::State progress;
  std::string failure;  // why it failed; empty: it did not
};

struct Readiness {
  bool ready = false;
  bool draining = false;
  bool alive = true;  // the step thread ticks
  std::vector<ModelState> models;
};

/// The daemon as the floors above see it. Thread-safe. No call waits for a line, a queue or a
/// model: a Generation may still stand in line, which its next() waits in.
class Service {
 public:
  virtual ~Service() = default;
  /// `secret`: empty without one. Errors: unauthenticated.
  virtual Result<std::shared_ptr<const Identity>> authenticate(const std::string& secret) = 0;
  virtual bool wants_key() const = 0;  // false: there are none, and everybody may ask
  /// Of a request whose body is about to come. The calls below give its turn back when they have
  /// what they need of the request. Outlived by the service; null: nothing bounds it.
  virtual std::shared_ptr<Preparation> prepare(const Caller& caller) = 0;
  /// Accepts a request of any task. Errors: what is known at once to be refused.
  virtual Result<std::unique_ptr<Generation>> start(Ask ask, Caller& caller) = 0;
  /// Runs and charges nothing. Errors: of a request that is wrong, and of a model that is not
  /// ready; limits and full queues are part of the answer.
  virtual Result<DryRun> dry_run(const Ask& ask, Caller& caller) = 0;
  virtual Result<Tokens> tokenize(const TokenizeRequest& request, Caller& caller) = 0;
  virtual Result<std::string> detokenize(const std::string& model, const Ids& ids,
                                         Caller& caller) = 0;
  /// Those that the key may use and that are loaded; with the scope admin the failed ones too.
  virtual std::vector<ModelInfo> models(const Caller& caller) = 0;
  /// What the key may see of it: its own, with the scope admin everybody's. Errors:
  /// permission_denied, not_found (no ledger is kept), invalid_argument with the field in `param`.
  virtual Result<std::vector<UsageRow>> usage(const UsageQuery& query, const Caller& caller) = 0;
  virtual Readiness readiness() = 0;
};

}  // namespace weir::serve
