#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/doorbell.h"
#include "weir/base/progress.h"
#include "weir/base/result.h"
#include "weir/serve/usage.h"

/// What can be asked of the daemon, in plain types. `http` translates to and from JSON; nothing
/// here knows of it.
namespace weir::serve {

/// Text, or tokens that are used as they are.
using Prompt = std::variant<std::string, std::vector<int32_t>>;

/// Bytes of one stop string or bad word, and of all stop strings or bad words of a request.
inline constexpr size_t kLongestStop = 1024, kMostStopBytes = 16384;
inline constexpr uint32_t kMostLogprobs = 20;  // of the most likely tokens in one place
/// Of the prompts of a request together, those of the tokens themselves with them.
inline constexpr size_t kMostPromptLogprobs = size_t{4} << 20;
inline constexpr size_t kMostBiases = 1024;
/// With the largest logits of a model no number passes the range of float.
inline constexpr double kLeastRepetitionPenalty = 0.001, kMostRepetitionPenalty = 1000;

/// As the client gave it; what is absent comes from the model's generation_config.json, then from
/// OpenAI's defaults.
struct Sampling {
  std::optional<float> temperature, top_p, min_p;
  std::optional<uint32_t> top_k;
  std::optional<uint64_t> seed;
  std::optional<uint32_t> max_tokens;
  uint32_t min_tokens = 0;
  bool ignore_eos = false;
  std::vector<std::string> stop;
  std::vector<int32_t> stop_token_ids;
  bool include_stop_str_in_output = false;
  bool skip_special_tokens = true;
  std::optional<float> presence_penalty, frequency_penalty, repetition_penalty;
  std::vector<std::pair<int32_t, float>> logit_bias;  // of an id twice the last counts
  std::vector<std::string> bad_words;
  std::vector<int32_t> allowed_token_ids;             // empty: all
  std::optional<uint32_t> logprobs, prompt_logprobs;  // so many of the most likely tokens
};

struct ChatRequest {
  std::string model;            // empty: the only model of the right kind
  std::string messages;         // a JSON array, checked by the codec, as the template is to see it
  std::string tools;            // a JSON array or empty
  std::string template_kwargs;  // a JSON object or empty
  bool add_generation_prompt = true;
  Sampling sampling;  // max_tokens absent: what the context leaves
};

struct CompletionRequest {
  std::string model;
  std::vector<Prompt> prompts;
  bool add_special_tokens = true;
  bool echo = false;    // each prompt's text stands before its completion
  Sampling sampling;    // max_tokens absent: 16; 0 with `echo` only
  bool listed = false;  // errors name prompt[0] even where it is the only one
};

struct EmbeddingRequest {
  std::string model;
  std::vector<Prompt> inputs;
  std::optional<uint32_t> dimensions;  // cut and renormalise
  std::optional<uint32_t>
      truncate_prompt_tokens;  // cut to so many; absent: a too long input is an error
  bool truncate = false;       // cut to the model's limit
  bool listed = false;         // errors name input[0] even where it is the only one
};

struct TokenizeRequest {
  std::string model;
  std::variant<std::string, ChatRequest> input;
  bool add_special_tokens = true;
  bool with_pieces = false;
};

struct Tokens {
  std::string model;
  std::vector<int32_t> ids;
  std::vector<std::string> pieces;  // only with_pieces
  uint32_t max_model_len = 0;
};

/// Who asks and how it is to be treated, and how the answer's headers learn what was decided.
/// Outlives the request's Generation.
class Identity;  // a key; opaque to http
class Preparation;
struct Caller {
  std::shared_ptr<const Identity> identity;
  std::string request_id;
  std::function<bool()> gone;  // the client left; asked while waiting. May be null
  std::optional<std::chrono::milliseconds> max_wait;  // lowers the key's
  std::optional<std::chrono::milliseconds> timeout;   // the request's own deadline
  std::optional<int> priority;                        // 0 to 9; lowers the key's
  std::shared_ptr<Preparation> preparation;           // null: nothing bounds it
  std::vector<std::pair<std::string, std::string>>
      headers;  // filled by the service: limits, waiting, x-weir-model
};

/// What a request takes before its limits are asked: room for its body, and a turn to be parsed,
/// rendered and tokenized. Dying gives both back. Used by one thread at a time.
class Preparation {
 public:
  virtual ~Preparation() = default;
  /// Room for a body of `bytes` in all, more than before. Errors: overloaded.
  virtual Result<void> hold(size_t bytes) = 0;
  /// Waits for the turn. Errors: cancelled, deadline.
  virtual Result<void> enter(const Caller& caller) = 0;
  /// Runs `work` to its end, perhaps in another thread; without a turn in this one.
  virtual void run(const std::function<void()>& work) = 0;
  /// Gives back the turn; the room stays.
  virtual void leave() = 0;
};

/// What `work` returns, run as the caller's preparation runs it.
template <class Work>
auto prepared(const Caller& caller, Work work) -> decltype(work()) {
  if (!caller.preparation) return work();
  std::optional<decltype(work())> result;
  caller.preparation->run([&] { result.emplace(work()); });
  return *std::move(result);
}

struct Usage {
  uint32_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  double queue_ms = 0, prefill_ms = 0, decode_ms = 0;
};

enum class FinishReason : uint8_t { stop, length };

struct End {
  FinishReason reason = FinishReason::stop;
  std::variant<std::monostate, std::string, int32_t> stop;  // the string or the token that stopped
};

/// A token with its logprob, and the most likely ones in its place. `bytes`: what the token adds to
/// a text, which may be part of a character.
struct TokenLogprob {
  struct Top {
    int32_t id = 0;
    float logprob = 0;
    std::string bytes;
  };
  int32_t id = 0;
  std::string bytes;
  std::optional<float> logprob;  // unset: nothing comes before it, the first token of a prompt
  int32_t rank = 0;              // how many tokens are at least as likely
  std::vector<Top> top;          // falling
};

/// A piece of one choice.
struct Delta {
  uint32_t choice = 0;
  std::string text;                           // may be empty
  std::vector<int32_t> token_ids;             // those that `text` (and held back text) came from
  std::vector<TokenLogprob> logprobs;         // of token_ids, where they are asked for
  std::vector<TokenLogprob> prompt_logprobs;  // of the whole prompt, once, where asked for
  std::optional<End> end;                     // the last of its choice
};

/// Where a request stands that has not begun: in line for its limits, or in its model's queue.
struct Standing {
  enum class Line : uint8_t { gate, queue } line = Line::gate;
  size_t place = 0;                   // 1: next
  std::chrono::milliseconds wait{0};  // to its first row, as predicted
};

/// When a generation has something new, for one who does not want to sit in its next().
struct Wake {
  std::shared_ptr<Doorbell> bell;  // rung for each piece, end or failure
  std::optional<TimePoint> until;  // and at this time, though no bell rings
};

/// A generation of one or more choices, waiting or running. Used by one thread at a time. Dying
/// leaves the line or cancels what still runs, and settles what was used.
class Generation {
 public:
  virtual ~Generation() = default;
  virtual const std::string& model() const = 0;                          // the served name
  virtual const std::vector<std::vector<int32_t>>& prompts() const = 0;  // one a choice
  /// The next piece of any choice. nullopt inside: `limit` passed. An Error ends the whole
  /// generation.
  virtual Result<std::optional<Delta>> next(std::chrono::milliseconds limit) = 0;
  /// nullopt: only next() learns of it.
  virtual std::optional<Wake> wake() const { return std::nullopt; }
  virtual bool done() const = 0;                   // every choice has ended
  virtual std::optional<Standing> standing() = 0;  // nullopt: nothing of it waits to begin
  virtual Usage usage() const = 0;                 // so far; exact when done
};

struct Embeddings {
  std::string model;
  std::vector<std::vector<float>> vectors;
  Usage usage;
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

using AnyRequest = std::variant<ChatRequest, CompletionRequest, EmbeddingRequest>;

enum class ModelKind : uint8_t { generate, embed };

struct ModelInfo {
  std::string name;
  std::optional<ModelKind> kind = ModelKind::generate;  // unset: its folder does not say
  int64_t created = 0;
  uint32_t max_model_len = 0;
  std::string architecture, dtype,
      fingerprint;      // fingerprint: "fp_" and 12 hex digits of the weights' hash
  std::string failure;  // why it cannot be loaded; then nothing but name, kind and created is known
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

/// The daemon as http sees it. Thread-safe. Only embed() blocks, until its answer; a Generation may
/// still be waiting at the gate, which its next() then does. What is known at once to be refused is
/// an Error of the call.
class Service {
 public:
  virtual ~Service() = default;
  /// `secret`: what stands after "Bearer ", empty without one. Errors: unauthenticated.
  virtual Result<std::shared_ptr<const Identity>> authenticate(const std::string& secret) = 0;
  virtual bool wants_key() const = 0;  // false: there are none, and everybody may ask
  /// Of a request whose body is about to come. The calls below give its turn back when they have
  /// what they need of the request. Outlived by the service; null: nothing bounds it.
  virtual std::shared_ptr<Preparation> prepare(const Caller& caller) = 0;
  virtual Result<std::unique_ptr<Generation>> chat(const ChatRequest& request, Caller& caller) = 0;
  virtual Result<std::unique_ptr<Generation>> complete(const CompletionRequest& request,
                                                       Caller& caller) = 0;
  virtual Result<Embeddings> embed(const EmbeddingRequest& request, Caller& caller) = 0;
  /// Runs and charges nothing. Errors: of a request that is wrong, and of a model that is not
  /// ready; limits and full queues are part of the answer.
  virtual Result<DryRun> dry_run(const AnyRequest& request, Caller& caller) = 0;
  virtual Result<Tokens> tokenize(const TokenizeRequest& request, Caller& caller) = 0;
  virtual Result<std::string> detokenize(const std::string& model, const std::vector<int32_t>& ids,
                                         Caller& caller) = 0;
  /// Those that the key may use and that are loaded; with the scope admin the failed ones too.
  virtual std::vector<ModelInfo> models(const Caller& caller) = 0;
  /// What the key may see of it: its own, with the scope admin everybody's. Errors:
  /// permission_denied, not_found (no ledger is kept), invalid_argument with the field in `param`.
  virtual Result<std::vector<UsageRow>> usage(const UsageQuery& query, const Caller& caller) = 0;
  virtual Readiness readiness() = 0;
};

}  // namespace weir::serve
