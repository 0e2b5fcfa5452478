#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "weir/serve/service.h"

namespace weir::serve {
class Identity {
 public:
  std::string name;
};
}  // namespace weir::serve

namespace weir::fakes {

/// What the next generations say and how.
struct Script {
  std::vector<std::string> pieces{"Hel", "lo", "!"};
  std::chrono::milliseconds pause{0};          // before each piece
  std::shared_ptr<std::atomic<bool>> goes_on;  // only the first piece comes before it is true
  std::optional<Error> fails_after;            // instead of an end
  bool silent = false;                         // no piece ever comes
  std::vector<serve::Standing> lines;  // where it stands, look by look, before its first piece
  std::shared_ptr<Doorbell> bell;      // no piece comes before it is rung, once
  serve::End end{serve::FinishReason::stop, int32_t{2}};
  std::vector<serve::TokenLogprob> logprobs;         // one a piece
  std::vector<serve::TokenLogprob> prompt_logprobs;  // come with the first piece
};

class FakeGeneration final : public serve::Generation {
 public:
  FakeGeneration(Script script, std::vector<std::vector<int32_t>> prompts, std::atomic<int>& alive)
      : script_(std::move(script)), prompts_(std::move(prompts)), alive_(alive) {
    ++alive_;
  }
  ~FakeGeneration() override { --alive_; }

  const std::string& model() const override { return model_; }
  const std::vector<std::vector<int32_t>>& prompts() const override { return prompts_; }
  bool done() const override { return choice_ == prompts_.size(); }

  std::optional<serve::Wake> wake() const override {
    return script_.bell ? std::optional(serve::Wake{script_.bell, {}}) : std::nullopt;
  }

  Result<std::optional<serve::Delta>> next(std::chrono::milliseconds limit) override {
    using Clock = std::chrono::steady_clock;
    if (script_.bell && !rung_ && !(rung_ = script_.bell->wait(limit)))
      return std::optional<serve::Delta>{};
    if (looks_ < script_.lines.size()) {
      std::this_thread::sleep_for(std::min(limit, std::chrono::milliseconds(5)));
      return std::optional<serve::Delta>{};
    }
    auto due = written_ + script_.pause;
    auto wait = std::min<Clock::duration>(limit, due - Clock::now());
    if (script_.silent) wait = limit;
    if (held()) wait = std::min<Clock::duration>(limit, std::chrono::milliseconds(2));
    if (wait > Clock::duration::zero()) std::this_thread::sleep_for(wait);
    if (script_.silent || held() || Clock::now() < due) return std::optional<serve::Delta>{};
    written_ = Clock::now();
    if (piece_ == script_.pieces.size() && script_.fails_after) return *script_.fails_after;
    serve::Delta delta{.choice = choice_};
    if (piece_ < script_.pieces.size()) {
      delta.text = script_.pieces[piece_];
      delta.token_ids = {static_cast<int32_t>(100 + piece_)};
      if (piece_ < script_.logprobs.size()) delta.logprobs = {script_.logprobs[piece_]};
      if (piece_ == 0) delta.prompt_logprobs = script_.prompt_logprobs;
      ++piece_;
      ++tokens_;
    }
    if (piece_ == script_.pieces.size() && !script_.fails_after) {
      delta.end = script_.end;
      ++choice_;
      piece_ = 0;
    }
    return std::optional(std::move(delta));
  }

  std::optional<serve::Standing> standing() override {
    if (looks_ == script_.lines.size()) return std::nullopt;
    return script_.lines[looks_++];
  }

  serve::Usage usage() const override {
    uint32_t prompt = 0;
    for (const auto& ids : prompts_) prompt += static_cast<uint32_t>(ids.size());
    return {.prompt_tokens = prompt,
            .completion_tokens = tokens_,
            .cached_tokens = 2,
            .queue_ms = 1.5,
            .prefill_ms = 20.25,
            .decode_ms = 300};
  }

 private:
  bool held() const { return script_.goes_on && piece_ > 0 && !*script_.goes_on; }

  Script script_;
  std::vector<std::vector<int32_t>> prompts_;
  std::atomic<int>& alive_;
  std::string model_ = "tiny";
  uint32_t choice_ = 0, tokens_ = 0;
  size_t piece_ = 0;
  size_t looks_ = 0;
  bool rung_ = false;
  std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
};

/// A service that records what it is asked and answers as told.
class FakeService final : public serve::Service {
 public:
  Script script;
  std::optional<Error> refusal;  // of the next request
  std::string wanted_key;        // empty: any
  bool ready = true, alive = true, blocks = false, throws = false;
  std::atomic<int> generations = 0;
  std::shared_ptr<serve::Preparation> preparation;  // of every request

  std::mutex mutex;
  serve::ChatRequest last_chat;
  serve::CompletionRequest last_completion;
  serve::EmbeddingRequest last_embedding;
  serve::TokenizeRequest last_tokenize;
  serve::AnyRequest last_dry_run;
  serve::DryRun preview;
  serve::Caller last_caller;
  serve::UsageQuery last_usage;

  Result<std::shared_ptr<const serve::Identity>> authenticate(const std::string& secret) override {
    if (!wanted_key.empty() && secret != wanted_key) {
      return Error{.code = Code::unauthenticated, .message = "the API key is not known"};
    }
    return std::make_shared<const serve::Identity>();
  }

  bool wants_key() const override { return !wanted_key.empty(); }
  std::shared_ptr<serve::Preparation> prepare(const serve::Caller&) override { return preparation; }

  Result<std::unique_ptr<serve::Generation>> chat(const serve::ChatRequest& request,
                                                  serve::Caller& caller) override {
    std::lock_guard lock(mutex);
    last_chat = request;
    return generation({{1, 2, 3}}, caller);
  }

  Result<std::unique_ptr<serve::Generation>> complete(const serve::CompletionRequest& request,
                                                      serve::Caller& caller) override {
    std::lock_guard lock(mutex);
    last_completion = request;
    std::vector<std::vector<int32_t>> prompts;
    for (size_t i = 0; i < request.prompts.size(); ++i) prompts.push_back({7, static_cast<int>(i)});
    return generation(std::move(prompts), caller);
  }

  Result<serve::Embeddings> embed(const serve::EmbeddingRequest& request,
                                  serve::Caller& caller) override {
    while (blocks) {
      if (caller.gone()) return Error{.code = Code::cancelled, .message = "the client left"};
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    std::lock_guard lock(mutex);
    last_embedding = request;
    last_caller = caller;
    caller.headers = {{"x-weir-model", "mini"}};
    if (refusal) return *refusal;
    serve::Embeddings result{.model = "mini", .usage = {.prompt_tokens = 9}};
    for (size_t i = 0; i < request.inputs.size(); ++i) {
      result.vectors.push_back({0.1f, -1.0f, static_cast<float>(i)});
    }
    return result;
  }

  Result<serve::DryRun> dry_run(const serve::AnyRequest& request, serve::Caller& caller) override {
    std::lock_guard lock(mutex);
    last_dry_run = request;
    last_caller = caller;
    if (refusal) return *refusal;
    return preview;
  }

  Result<serve::Tokens> tokenize(const serve::TokenizeRequest& request, serve::Caller&) override {
    std::lock_guard lock(mutex);
    last_tokenize = request;
    return serve::Tokens{
        .model = "tiny", .ids = {5, 6}, .pieces = {"a", "\xff"}, .max_model_len = 2048};
  }

  Result<std::string> detokenize(const std::string&, const std::vector<int32_t>& ids,
                                 serve::Caller&) override {
    return "ids:" + std::to_string(ids.size());
  }

  std::vector<serve::ModelInfo> models(const serve::Caller&) override {
    return {{.name = "tiny",
             .created = 1700000000,
             .max_model_len = 2048,
             .architecture = "llama",
             .dtype = "float32",
             .fingerprint = "fp_0123456789ab"},
            {.name = "org/mini",
             .kind = serve::ModelKind::embed,
             .created = 1700000001,
             .max_model_len = 256,
             .architecture = "bert",
             .dtype = "float32"}};
  }

  Result<std::vector<serve::UsageRow>> usage(const serve::UsageQuery& query,
                                             const serve::Caller&) override {
    std::lock_guard lock(mutex);
    last_usage = query;
    if (refusal) return *refusal;
    return std::vector<serve::UsageRow>{{.day = "2026-11-24",
                                         .usage = {.key = "web",
                                                   .model = "tiny",
                                                   .requests = 3,
                                                   .refused = 1,
                                                   .input_tokens = 36,
                                                   .output_tokens = 15,
                                                   .queue_ms = 2,
                                                   .compute_ms = 41}}};
  }

  serve::Readiness readiness() override {
    if (throws) throw std::runtime_error("secret detail");
    return {.ready = ready,
            .alive = alive,
            .models = {
                {"tiny", {.phase = "packing", .percent = 42.5, .left = std::chrono::seconds(7)}}}};
  }

 private:
  Result<std::unique_ptr<serve::Generation>> generation(std::vector<std::vector<int32_t>> prompts,
                                                        serve::Caller& caller) {
    last_caller = caller;
    caller.headers = {{"x-weir-model", "tiny"}, {"x-ratelimit-remaining-requests", "3"}};
    if (refusal) return *refusal;
    return std::unique_ptr<serve::Generation>(
        std::make_unique<FakeGeneration>(script, std::move(prompts), generations));
  }
};

}  // namespace weir::fakes
