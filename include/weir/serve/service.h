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
/// knows JSON.
namespace weir::serve {

struct Tokens {
  std::string model;
  std::vector<int32_t> ids;
  std::vector<std::string> pieces;  // only if asked for
  uint32_t max_model_len = 0;
  std::optional<uint32_t> max_source_len = {};  // as in ModelInfo
};

/// What would happen to a request if it ran: its charge, its place in line, and whether it would be
/// admitted.
struct DryRun {
  struct Prompt {
    std::string text;  // the prompt as it is tokenized: the rendered text, or the text of its ids
    PromptTokens tokens;                   // of all windows, if it is read in windows
    std::string decoder_text = {};         // of tokens.decoder_ids, special tokens included
    std::optional<std::string> pair = {};  // the second text of a pair
  };
  struct Bucket {
    std::string owner, unit, window;  // "key web", "tokens", "60s"; no window: concurrent requests
    int64_t cap = 0, remaining = 0;   // below 0: in debt
    std::chrono::milliseconds full_in{0};
  };
  std::string model;
  std::vector<Prompt> prompts;                                // one for each input
  int64_t requests = 0, input_tokens = 0, output_tokens = 0;  // taken in advance
  std::vector<Bucket> limits;
  std::chrono::milliseconds gate_wait{0}, queue_wait{0};  // as predicted
  size_t queue_position = 0;                              // 1: next
  std::optional<Error> refusal;  // why it would be refused; none: it would be admitted
};

struct ModelInfo {
  std::string name;
  std::optional<Tasks> tasks;  // unset: its folder does not tell
  int64_t created = 0;         // seconds since 1970
  uint32_t max_model_len = 0;
  std::optional<uint32_t> max_source_len = {};  // tokens that its encoder takes, if it has one
  std::string architecture, dtype;
  std::string fingerprint;  // "fp_" and 12 hex digits of the weights' SHA-256; empty: not known
  std::string failure;      // why it cannot be loaded; then only name, tasks and created are known
};

/// How far the loading of a model is. `progress.phase` ends as "ready" or as "failed".
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
/// model. A new Generation may still stand in line; then its next() waits.
class Service {
 public:
  virtual ~Service() = default;
  /// `secret`: empty if the client sent none. Errors: unauthenticated.
  virtual Result<std::shared_ptr<const Identity>> authenticate(const std::string& secret) = 0;
  /// The name of the key, as the key file has it.
  virtual const std::string& key_name(const Identity& identity) const = 0;
  virtual bool wants_key() const = 0;  // false: there are no keys, and everybody may ask
  /// The preparation of a request whose body is about to come. The calls below give its turn back
  /// when they no longer need it. The service outlives it. Null: the preparation is not bounded.
  virtual std::shared_ptr<Preparation> prepare(const Caller& caller) = 0;
  /// Accepts a request of any task. Errors: a refusal that is known at once.
  virtual Result<std::unique_ptr<Generation>> start(Ask ask, Caller& caller) = 0;
  /// Runs and charges nothing. Errors: the request is wrong, or its model is not ready. Limits and
  /// full queues are no errors here but part of the answer.
  virtual Result<DryRun> dry_run(const Ask& ask, Caller& caller) = 0;
  virtual Result<Tokens> tokenize(const TokenizeRequest& request, Caller& caller) = 0;
  virtual Result<std::string> detokenize(const std::string& model, const Ids& ids,
                                         Caller& caller) = 0;
  /// The loaded models that the key may use; with the scope admin also the failed ones.
  virtual std::vector<ModelInfo> models(const Caller& caller) = 0;
  /// The usage that the key may see: its own; with the scope admin that of all keys. Errors:
  /// permission_denied, not_found (no ledger is kept), invalid_argument with the field in `param`.
  virtual Result<std::vector<UsageRow>> usage(const UsageQuery& query, const Caller& caller) = 0;
  virtual Readiness readiness() = 0;
};

}  // namespace weir::serve
