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
  std::vector<serve::PlaceInLine> lines;  // where it stands, look by look, before its first piece
  std::shared_ptr<Doorbell> bell;         // no piece comes before it is rung, once
  serve::End end{serve::FinishReason::stop, int32_t{2}};
  std::vector<serve::TokenLogprob> logprobs;         // one a piece
  std::vector<serve::TokenLogprob> prompt_logprobs;  // come with the first piece
};

class FakeGeneration final : public serve::Generation {
 public:
  FakeGeneration(Script script, serve::Prompts prompts, std::atomic<int>& alive)
      : script_(std::move(script)), prompts_(std::move(prompts)), alive_(alive) {
    ++alive_;
  }
  ~FakeGeneration() override { --alive_; }

  const std::string& model() const override { return model_; }
  const serve::Prompts& prompts() const override { return prompts_; }
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

  std::optional<serve::PlaceInLine> standing() override {
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
  serve::Prompts prompts_;
  std::atomic<int>& alive_;
  std::string model_ = "tiny";
  uint32_t choice_ = 0, tokens_ = 0;
  size_t piece_ = 0;
  size_t looks_ = 0;
  bool rung_ = false;
  std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
};

/// Answers of one made-up form, at once.
class FakeReading final : public serve::Generation {
 public:
  explicit FakeReading(const serve::Ask& ask) : ask_(ask) {}

  const std::string& model() const override { return model_; }
  const serve::Prompts& prompts() const override { return prompts_; }
  bool done() const override { return done_; }
  std::optional<serve::PlaceInLine> standing() override { return std::nullopt; }
  serve::Usage usage() const override { return {.prompt_tokens = 9}; }

  Result<std::optional<serve::Delta>> next(std::chrono::milliseconds) override {
    serve::Answers answers;
    for (size_t i = 0; i < ask_.inputs.size(); ++i) answers.push_back(answer(i));
    serve::Delta delta;
    delta.answers = std::make_shared<const serve::Answers>(std::move(answers));
    done_ = true;
    return std::optional(std::move(delta));
  }

 private:
  serve::Answer answer(size_t index) const {
    const serve::Vector vector{0.1f, -1.0f, static_cast<float>(index)};
    const serve::ScoredLabels labels{{"good", 0.75}, {"bad", 0.25}};
    const serve::Spans spans{{"PER", 0, 1, "a", 0.5}};
    if (std::holds_alternative<serve::Embed>(ask_.options)) return vector;
    if (std::holds_alternative<serve::Classify>(ask_.options)) return labels;
    if (std::holds_alternative<serve::Tag>(ask_.options)) return spans;
    const auto& asked = std::get<serve::Analyze>(ask_.options);
    serve::Analysis analysis;
    if (asked.embed) analysis.vector = vector;
    if (asked.classify) analysis.labels = labels;
    if (asked.tag) analysis.spans = spans;
    return analysis;
  }

  const serve::Ask ask_;
  const std::string model_ = "mini";
  const serve::Prompts prompts_ = serve::Prompts(1);
  bool done_ = false;
};

/// A service that records what it is asked and answers as told.
class FakeService final : public serve::Service {
 public:
  Script script;
  std::optional<Error> refusal;  // of the next request
  std::string wanted_key;        // empty: any
  bool ready = true, alive = true, blocks = false, throws = false;
  std::atomic<int> generations = 0;
  std::optional<uint32_t> max_source_len;           // of the model that generates
  std::shared_ptr<serve::Preparation> preparation;  // of every request

  std::mutex mutex;
  serve::Ask last_ask, last_dry_run;
  serve::TokenizeRequest last_tokenize;
  serve::DryRun preview;
  serve::Caller last_caller;
  serve::UsageQuery last_usage;

  Result<std::shared_ptr<const serve::Identity>> authenticate(const std::string& secret) override {
    if (!wanted_key.empty() && secret != wanted_key) {
      return Error{.code = Code::unauthenticated, .message = "the API key is not known"};
    }
    return std::make_shared<const serve::Identity>(serve::Identity{.name = "a key"});
  }
  const std::string& key_name(const serve::Identity& identity) const override {
    return identity.name;
  }

  bool wants_key() const override { return !wanted_key.empty(); }
  std::shared_ptr<serve::Preparation> prepare(const serve::Caller&) override { return preparation; }

  Result<std::unique_ptr<serve::Generation>> start(serve::Ask ask, serve::Caller& caller) override {
    const bool generates = std::holds_alternative<serve::Generate>(ask.options);
    while (blocks && !generates) {
      if (caller.gone()) return Error{.code = Code::cancelled, .message = "the client left"};
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    std::lock_guard lock(mutex);
    last_ask = ask;
    last_caller = caller;
    last_caller.line = nullptr;  // it is the request's
    caller.notes.model = generates ? "tiny" : "mini";
    caller.notes.fingerprint = generates ? "fp_0123456789ab" : "";
    if (generates) caller.notes.limits = {{"x-ratelimit-remaining-requests", "3"}};
    if (refusal) return *refusal;
    if (generates) return std::make_unique<FakeGeneration>(script, prompts_of(ask), generations);
    return std::make_unique<FakeReading>(ask);
  }

  Result<serve::DryRun> dry_run(const serve::Ask& ask, serve::Caller& caller) override {
    std::lock_guard lock(mutex);
    last_dry_run = ask;
    last_caller = caller;
    if (refusal) return *refusal;
    return preview;
  }

  Result<serve::Tokens> tokenize(const serve::TokenizeRequest& request, serve::Caller&) override {
    std::lock_guard lock(mutex);
    last_tokenize = request;
    return serve::Tokens{.model = "tiny",
                         .ids = {5, 6},
                         .pieces = {"a", "\xff"},
                         .max_model_len = 2048,
                         .max_source_len = max_source_len};
  }

  Result<std::string> detokenize(const std::string&, const std::vector<int32_t>& ids,
                                 serve::Caller&) override {
    return "ids:" + std::to_string(ids.size());
  }

  std::vector<serve::ModelInfo> models(const serve::Caller&) override {
    return {{.name = "tiny",
             .tasks = serve::Tasks{serve::HeadTask::generate},
             .created = 1700000000,
             .max_model_len = 2048,
             .max_source_len = max_source_len,
             .architecture = "llama",
             .dtype = "float32",
             .fingerprint = "fp_0123456789ab"},
            {.name = "org/mini",
             .tasks = serve::Tasks{serve::HeadTask::embed},
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
  static serve::Prompts prompts_of(const serve::Ask& ask) {
    if (std::holds_alternative<serve::Chat>(ask.inputs.at(0))) return {{.ids = {1, 2, 3}}};
    serve::Prompts prompts;
    for (size_t i = 0; i < ask.inputs.size(); ++i)
      prompts.push_back({.ids = {7, static_cast<int>(i)}});
    const auto& begun = std::get<serve::Generate>(ask.options).decoder_prompt;
    if (begun && std::holds_alternative<serve::Ids>(*begun))
      for (auto& prompt : prompts) prompt.decoder_ids = std::get<serve::Ids>(*begun);
    return prompts;
  }
};

}  // namespace weir::fakes
