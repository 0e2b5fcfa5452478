#pragma once

#include <gmock/gmock.h>

#include <thread>

#include "asks.h"
#include "byte_model.h"
#include "fakes/fake_clock.h"
#include "fakes/scraped.h"
#include "weir/serve/make_service.h"

namespace weir::serve {

using std::chrono::milliseconds;

/// A service over two byte models, whose queues the test empties itself: it plays the scheduler.
class ServedTest : public testing::Test {
 protected:
  void SetUp() override { restart(); }
  void TearDown() override { service_.reset(); }

  void restart(ServiceOptions options = {}, work::WorkQueue::Limits limits = {}) {
    service_.reset();
    queue_ = std::make_shared<work::WorkQueue>(limits, nullptr);
    embed_queue_ = std::make_shared<work::WorkQueue>(limits, nullptr);
    service_ = make_service(options, {gate_, metrics_, clock_, [this] { return alive_; }},
                            traffic::KeyStore::open(),
                            {{.name = "bytes", .aliases = {"gpt-4"}, .created = 7, .queue = queue_},
                             {.name = "vectors", .tasks = kReads, .queue = embed_queue_}});
    service_->mark_ready("bytes", bytes_.loaded);
    service_->mark_ready("vectors", encoder_.loaded);
    caller_ = caller();
  }

  Caller caller(const std::string& secret = "") {
    Caller who{.request_id = "r1"};
    auto identity = service_->authenticate(secret);
    EXPECT_TRUE(identity);
    if (identity) who.identity = *identity;
    return who;
  }

  /// One key, with the secret "s", and these lines in its table.
  void use_key(const std::string& lines, const std::string& models = "") {
    auto keys =
        traffic::KeyStore::parse("[[key]]\nname = \"web\"\ntenant = \"shop\"\nhash = \"" +
                                     traffic::hash_secret("s") + "\"\n" + lines + "\n" + models,
                                 "keys.toml");
    ASSERT_TRUE(keys) << keys.error().message;
    service_->set_keys(*keys);
    caller_ = caller("s");
  }

  Result<std::unique_ptr<Generation>> chat(const ChatRequest& request, Caller& from) {
    return service_->start(ask_of(request), from);
  }
  Result<std::unique_ptr<Generation>> complete(const CompletionRequest& request, Caller& from) {
    return service_->start(ask_of(request), from);
  }
  Result<Embeddings> embed(const EmbeddingRequest& request, Caller& from) {
    return vectors_of(service_->start(ask_of(request), from), from);
  }
  template <class Request>
  Result<DryRun> dry_run(const Request& request, Caller& from) {
    return service_->dry_run(ask_of(request), from);
  }
  std::unique_ptr<Generation> start(const CompletionRequest& request) {
    auto generation = complete(request, caller_);
    EXPECT_TRUE(generation) << generation.error().message;
    return generation ? *std::move(generation) : nullptr;
  }
  work::Request take() {
    auto requests = queue_->take_all();
    EXPECT_EQ(requests.size(), 1U);
    queue_->release_all();
    return requests.empty() ? work::Request{} : std::move(requests.front());
  }
  static void push(work::Request& request, const std::string& bytes) {
    for (int32_t id : bytes_of(bytes)) request.reply.push(work::Token{id});
  }

  /// All that comes until the generation is done, nothing more comes for 50 ms, or an error.
  static std::vector<Delta> drain(Generation& generation) {
    std::vector<Delta> deltas;
    while (!generation.done()) {
      auto delta = generation.next(milliseconds(50));
      if (!delta || !*delta) break;
      deltas.push_back(**std::move(delta));
    }
    return deltas;
  }
  static std::string text_of(const std::vector<Delta>& deltas, uint32_t choice = 0) {
    std::string text;
    for (const Delta& delta : deltas)
      if (delta.choice == choice) text += delta.text;
    return text;
  }
  /// What was noted, by the name of the header that tells it.
  std::string header(const std::string& name) const {
    const Notes& notes = caller_.notes;
    std::map<std::string, std::string> headers(notes.limits.begin(), notes.limits.end());
    headers["x-weir-model"] = notes.model;
    headers["x-weir-cache"] = notes.response_cache;
    for (const std::string& rule : notes.brownout)
      headers["x-weir-brownout"] += (headers["x-weir-brownout"].empty() ? "" : ", ") + rule;
    if (notes.waiting) {
      headers["x-weir-queue-position"] = std::to_string(notes.waiting->place);
      headers["x-weir-predicted-wait-ms"] = std::to_string(notes.waiting->predicted.count());
    }
    return headers[name].empty() ? "(none)" : headers[name];
  }
  /// How many sequences ended, by reason; how many requests were refused, by reason.
  std::map<std::string, double> finished(const std::string& model = "bytes") const {
    return fakes::scraped_by(metrics_, "weir_requests_total", "model=\"" + model + '"',
                             "finish_reason");
  }
  std::map<std::string, double> refusals() const {
    return fakes::scraped_by(metrics_, "weir_refused_total", "model=\"bytes\"", "reason");
  }
  /// What the limit of tokens has left, seen by a request that takes `taken` itself.
  std::string remaining() const { return header("x-ratelimit-remaining-tokens"); }

  ByteModel bytes_;
  ByteEncoder encoder_;
  fakes::FakeClock clock_;
  Registry metrics_;
  traffic::Gate gate_{traffic::make_memory_limiter(), clock_};
  bool alive_ = true;
  std::shared_ptr<work::WorkQueue> queue_, embed_queue_;
  std::unique_ptr<SteeredService> service_;
  Caller caller_;
};

}  // namespace weir::serve
