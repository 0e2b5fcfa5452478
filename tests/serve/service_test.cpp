#include <future>

#include "served.h"
#include "weir/serve/request_line.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

class ServiceTest : public ServedTest {
 protected:
  Error refusal(const std::string& model) {
    auto started = complete({.model = model, .prompts = {"a"}}, caller_);
    return started ? Error{.message = "accepted"} : started.error();
  }
};

TEST_F(ServiceTest, ModelsByNameByAliasAndByNone) {
  for (const char* name : {"bytes", "gpt-4", ""}) {
    auto generation = start({.model = name, .prompts = {"a"}});
    ASSERT_TRUE(generation);
    EXPECT_EQ(generation->model(), "bytes");
  }
  EXPECT_THAT(queue_->take_all(), SizeIs(3));
}

TEST_F(ServiceTest, AnUnknownModelIsAnsweredWithTheServedOnes) {
  EXPECT_EQ(refusal("nope").code, Code::not_found);
  EXPECT_EQ(refusal("nope").message, "model \"nope\" is not served; served: bytes, vectors");
  EXPECT_EQ(refusal("nope").param, "model");
}

TEST_F(ServiceTest, AModelOfTheWrongKind) {
  EXPECT_EQ(refusal("vectors").code, Code::invalid_argument);
  EXPECT_EQ(refusal("vectors").message,
            "model \"vectors\" makes embeddings; this route wants one that generates text");
  auto refused = embed({.model = "gpt-4", .inputs = {"a"}}, caller_);
  EXPECT_EQ(refused.error().message,
            "model \"bytes\" generates text; this route wants one that makes embeddings");
}

TEST_F(ServiceTest, AnEntryOfAListIsNamedByItsIndexAlsoWhereItIsAlone) {
  const std::vector<int32_t> stray{99999};
  auto refused = embed({.model = "vectors", .inputs = {stray}, .listed = true}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "input[0][0]");
  auto started = complete({.prompts = {stray}, .listed = true}, caller_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().param, "prompt[0][0]");
  refused = embed({.model = "vectors", .inputs = {stray}}, caller_);
  EXPECT_EQ(refused.error().param, "input[0]");
}

TEST_F(ServiceTest, MorePromptsThanAQueueHoldsAreNamedByTheirField) {
  restart({}, {.requests = 2, .tokens = 100});
  auto started = complete({.prompts = {"a", "b", "c"}}, caller_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().param, "prompt");
  EXPECT_STREQ(started.error().name, "array_above_max_length");
  auto refused = embed({.model = "vectors", .inputs = {"a", "b", "c"}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "input");
  auto dry = dry_run(CompletionRequest{.prompts = {"a", "b", "c"}}, caller_);
  ASSERT_TRUE(dry && dry->refusal);
  EXPECT_EQ(dry->refusal->param, "prompt");
}

/// Only the tokens say that it does not fit, and they are counted by the queue, after the gate.
TEST_F(ServiceTest, ARefusalAfterTheGateNamesTheFieldToo) {
  restart({}, {.requests = 2, .tokens = 10});
  auto completed = complete({.prompts = {std::string(20, 'x')}}, caller_);
  ASSERT_FALSE(completed);
  EXPECT_EQ(completed.error().param, "prompt");
  auto chatted = chat({.messages = R"([{"role":"user","content":"a long message"}])"}, caller_);
  ASSERT_FALSE(chatted);
  EXPECT_EQ(chatted.error().param, "messages");
}

TEST_F(ServiceTest, NoNameAndSeveralChoices) {
  auto tokens = service_->tokenize({.input = Text{"a"}}, caller_);
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error().code, Code::invalid_argument);
  EXPECT_EQ(tokens.error().message, "model is missing; choose one of: bytes, vectors");
  EXPECT_STREQ(tokens.error().name, "missing_required_parameter");
  use_key("models = [\"vec*\"]");
  tokens = service_->tokenize({.input = Text{"a"}}, caller_);
  ASSERT_TRUE(tokens);  // the only one that this key may use
  EXPECT_EQ(tokens->model, "vectors");
}

TEST_F(ServiceTest, KeysWithoutTheModelOrTheScope) {
  use_key("models = [\"vectors\"]");
  EXPECT_EQ(refusal("bytes").code, Code::permission_denied);
  EXPECT_EQ(refusal("bytes").message, "key \"web\" may not use model \"bytes\"");
  EXPECT_EQ(refusal("").code, Code::permission_denied);
  EXPECT_EQ(refusal("nope").message, "model \"nope\" is not served; served: vectors");
  EXPECT_THAT(service_->models(caller_), SizeIs(1));
  use_key("scopes = [\"usage\"]");
  EXPECT_EQ(refusal("bytes").code, Code::permission_denied);
  EXPECT_EQ(refusal("bytes").message, "key \"web\" lacks the scope \"infer\"");
  EXPECT_EQ(embed({.inputs = {"a"}}, caller_).error().code, Code::permission_denied);
  EXPECT_EQ(service_->tokenize({.model = "bytes", .input = Text{"a"}}, caller_).error().code,
            Code::permission_denied);
  EXPECT_EQ(service_->detokenize("bytes", {1}, caller_).error().code, Code::permission_denied);
}

TEST_F(ServiceTest, AuthenticatesAndTakesNewKeysAtOnce) {
  EXPECT_TRUE(service_->authenticate(""));
  use_key("");
  EXPECT_EQ(service_->authenticate("").error().code, Code::unauthenticated);
  EXPECT_EQ(service_->authenticate("wrong").error().code, Code::unauthenticated);
  EXPECT_TRUE(service_->authenticate("s"));
  Caller nobody;
  EXPECT_EQ(complete({.prompts = {"a"}}, nobody).error().code, Code::unauthenticated);
  EXPECT_THAT(service_->models(nobody), IsEmpty());
}

TEST_F(ServiceTest, LimitsOfModelsComeWithTheKeys) {
  use_key("max_wait = \"0s\"",
          "[[model]]\nname = \"bytes\"\nlimits = [ { unit = \"requests\", cap = 1, window = "
          "\"60s\" } ]");
  auto first = start({.prompts = {"a"}});
  EXPECT_EQ(refusal("bytes").code, Code::rate_limited);
  EXPECT_EQ(header("x-ratelimit-limit-requests"), "1");
}

TEST_F(ServiceTest, TheQueueLearnsWhoseRequestItIs) {
  use_key("weight = 2.5\npriority = 7");
  auto generation = start({.prompts = {"a"}});
  work::Request request = take();
  EXPECT_EQ(request.client, "web");
  EXPECT_EQ(request.cache_scope, "shop");
  EXPECT_FLOAT_EQ(request.weight, 2.5F);
  EXPECT_EQ(request.priority, 7);
  EXPECT_EQ(request.arrival, clock_.now());
  EXPECT_FALSE(request.deadline);
}

TEST_F(ServiceTest, LoadingFailedAndReady) {
  auto progress = std::make_shared<Progress>();
  progress->set("reading weights", 40);
  service_ = make_service({}, {gate_, metrics_, clock_, nullptr}, traffic::KeyStore::open(),
                          {{.name = "bytes", .queue = queue_, .progress = progress}});
  caller_ = caller();
  EXPECT_EQ(refusal("").code, Code::unavailable);
  EXPECT_EQ(refusal("").message, "model \"bytes\" is loading");
  EXPECT_EQ(refusal("").retry_after, milliseconds(2000));
  EXPECT_THAT(refusals(), ElementsAre(Pair("unavailable", 3)));
  EXPECT_THAT(service_->models(caller_), IsEmpty());
  Readiness readiness = service_->readiness();
  EXPECT_FALSE(readiness.ready);
  EXPECT_TRUE(readiness.alive);
  ASSERT_THAT(readiness.models, SizeIs(1));
  EXPECT_EQ(readiness.models[0].name, "bytes");
  EXPECT_EQ(readiness.models[0].progress.phase, "reading weights");
  EXPECT_DOUBLE_EQ(readiness.models[0].progress.percent, 40);

  service_->mark_failed("bytes", {.message = "no such tensor"});
  EXPECT_EQ(refusal("").message, "model \"bytes\" could not be loaded: no such tensor");
  EXPECT_STREQ(refusal("").name, "model_failed");
  EXPECT_TRUE(refusal("").never_retry);
  EXPECT_FALSE(refusal("").retry_after);
  EXPECT_FALSE(service_->readiness().ready);
  EXPECT_EQ(service_->readiness().models[0].progress.phase, "failed");
  EXPECT_EQ(service_->readiness().models[0].failure, "no such tensor");

  service_->mark_ready("bytes", bytes_.loaded);
  EXPECT_TRUE(service_->readiness().ready);
  EXPECT_EQ(service_->readiness().models[0].progress.phase, "ready");
  EXPECT_EQ(refusal("").message, "accepted");
}

class FailedModelTest : public ServiceTest {
 protected:
  /// Beside "bytes", which loads, a model whose folder could not be read.
  void SetUp() override {
    service_ = make_service({}, {gate_, metrics_, clock_, nullptr}, traffic::KeyStore::open(),
                            {{.name = "bytes", .queue = queue_},
                             {.name = "broken", .tasks = std::nullopt, .queue = embed_queue_}});
    service_->mark_failed("broken", {.message = "no config.json"});
    caller_ = caller();
  }

  std::shared_ptr<work::WorkQueue> queue_ =
      std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, nullptr);
  std::shared_ptr<work::WorkQueue> embed_queue_ =
      std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, nullptr);
};

TEST_F(FailedModelTest, TheOthersAreServedOnceNothingLoads) {
  EXPECT_FALSE(service_->readiness().ready);
  service_->mark_ready("bytes", bytes_.loaded);
  EXPECT_TRUE(service_->readiness().ready);
  EXPECT_EQ(service_->readiness().models[1].failure, "no config.json");
  EXPECT_EQ(refusal("bytes").message, "accepted");
}

TEST_F(FailedModelTest, WhileOneLoadsAnotherThatIsReadyIsNotEnough) {
  service_ =
      make_service({}, {gate_, metrics_, clock_, nullptr}, traffic::KeyStore::open(),
                   {{.name = "bytes", .queue = queue_}, {.name = "other", .queue = embed_queue_}});
  service_->mark_ready("bytes", bytes_.loaded);
  EXPECT_FALSE(service_->readiness().ready);
  service_->mark_failed("other", {.message = "no tensor"});
  EXPECT_TRUE(service_->readiness().ready);
}

TEST_F(FailedModelTest, ItsRequestsOfEveryKindAreAnsweredModelFailed) {
  service_->mark_ready("bytes", bytes_.loaded);
  EXPECT_STREQ(refusal("broken").name, "model_failed");
  auto embedded = embed({.model = "broken", .inputs = {"a"}}, caller_);
  EXPECT_STREQ(embedded.error().name, "model_failed");
  auto tokens = service_->tokenize({.model = "broken", .input = Text{"a"}}, caller_);
  EXPECT_STREQ(tokens.error().name, "model_failed");
}

TEST_F(FailedModelTest, ARequestWithoutANameGoesToTheOneThatAnswers) {
  service_->mark_ready("bytes", bytes_.loaded);
  EXPECT_EQ(refusal("").message, "accepted");
  auto embedded = embed({.inputs = {"a"}}, caller_);
  EXPECT_STREQ(embedded.error().name, "model_failed") << "it may have been the encoder";
}

TEST_F(FailedModelTest, IsListedForAdminsOnly) {
  service_->mark_ready("bytes", bytes_.loaded);
  EXPECT_THAT(service_->models(caller_), SizeIs(1));
  use_key("scopes = [\"admin\"]");
  auto models = service_->models(caller_);
  ASSERT_THAT(models, SizeIs(2));
  EXPECT_EQ(models[1].name, "broken");
  EXPECT_EQ(models[1].failure, "no config.json");
  EXPECT_FALSE(models[1].tasks);
  use_key("scopes = [\"admin\"]\nmodels = [\"by*\"]");
  EXPECT_THAT(service_->models(caller_), SizeIs(1));
}

TEST_F(FailedModelTest, TheMetricsSayWhy) {
  service_->mark_failed("broken", {.message = "bad \"byte\" \xff"});
  const std::string text = metrics_.text();
  EXPECT_THAT(text, HasSubstr("weir_model_state{model=\"broken\",state=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_model_state{model=\"bytes\",state=\"loading\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_model_failure_info{model=\"broken\",reason=\"bad "
                              "\\\"byte\\\" \xEF\xBF\xBD\"} 1\n"));
}

TEST_F(ServiceTest, ModelsAreDescribed) {
  auto models = service_->models(caller_);
  ASSERT_THAT(models, SizeIs(2));
  EXPECT_EQ(models[0].name, "bytes");
  EXPECT_EQ(models[0].created, 7);
  EXPECT_EQ(models[0].max_model_len, 64U);
  EXPECT_EQ(models[0].architecture, "llama");
  EXPECT_EQ(models[0].dtype, "float32");
  EXPECT_EQ(models[0].fingerprint, "fp_0123456789ab");
  EXPECT_EQ(models[1].tasks, kReads);
  EXPECT_EQ(models[1].max_model_len, 40U);  // the folder's, smaller than the model's 512
}

TEST_F(ServiceTest, DrainingRefusesNewWorkAndLetsTheOldEnd) {
  auto generation = start({.prompts = {"a"}});
  work::Request request = take();
  service_->drain();
  EXPECT_EQ(refusal("").code, Code::unavailable);
  EXPECT_EQ(refusal("").retry_after, milliseconds(2000));
  EXPECT_EQ(embed({.inputs = {"a"}}, caller_).error().code, Code::unavailable);
  EXPECT_TRUE(service_->readiness().draining);
  EXPECT_FALSE(service_->readiness().ready);
  EXPECT_EQ(service_->in_flight(), 1U);
  push(request, "x");
  request.reply.finish({});
  EXPECT_EQ(text_of(drain(*generation)), "x");
  generation.reset();
  EXPECT_EQ(service_->in_flight(), 0U);
}

TEST_F(ServiceTest, ReadyOnlyWhileAliveAndBelowTheMark) {
  restart({.shed_mark = 2});
  EXPECT_TRUE(service_->readiness().ready);
  auto first = start({.prompts = {"a"}});
  EXPECT_TRUE(service_->readiness().ready);
  auto second = start({.prompts = {"a"}});
  EXPECT_FALSE(service_->readiness().ready);
  queue_->take_all();
  queue_->release_all();
  EXPECT_TRUE(service_->readiness().ready);
  alive_ = false;
  EXPECT_FALSE(service_->readiness().ready);
  EXPECT_FALSE(service_->readiness().alive);
}

TEST_F(ServiceTest, ChatMayFillTheContext) {
  ChatRequest request{.messages = R"([{"role":"user","content":"Hi"}])"};
  auto generation = chat(request, caller_);
  ASSERT_TRUE(generation) << generation.error().message;
  work::Request taken = take();
  ASSERT_THAT(taken.prompt, SizeIs(13));
  EXPECT_EQ(std::get<work::SamplingParams>(taken.params).max_tokens, 51U);
  request.sampling.max_tokens = 52;
  auto refused = chat(request, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "This model's maximum context length is 64 tokens. However, you requested 65 tokens (13 "
      "in the prompt, 52 in the completion). (context_length_exceeded)");
}

TEST_F(ServiceTest, CompletionsDefaultToSixteenTokens) {
  auto generation = start({.prompts = {"a", std::string(60, 'x')}});
  auto requests = queue_->take_all();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(std::get<work::SamplingParams>(requests[0].params).max_tokens, 16U);
  EXPECT_EQ(std::get<work::SamplingParams>(requests[1].params).max_tokens, 3U);
  auto refused = complete({.prompts = {"a", std::string(64, 'x')}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "prompt[1]");
  refused = complete({}, caller_);
  EXPECT_EQ(refused.error().message, "prompt is empty");
}

TEST_F(ServiceTest, TokenizesTextAndConversations) {
  auto tokens =
      service_->tokenize({.model = "bytes", .input = Text{"hi"}, .with_pieces = true}, caller_);
  ASSERT_TRUE(tokens);
  EXPECT_THAT(tokens->ids, ElementsAre(kBos, 'h', 'i'));
  EXPECT_THAT(tokens->pieces, ElementsAre("<bos>", "h", "i"));
  EXPECT_EQ(tokens->max_model_len, 64U);
  tokens = service_->tokenize({.model = "bytes", .input = Text{.text = "hi", .add_special = false}},
                              caller_);
  EXPECT_THAT(tokens->ids, ElementsAre('h', 'i'));
  EXPECT_THAT(tokens->pieces, IsEmpty());
  // A conversation longer than the context can be counted too.
  const Chat chat{.messages = R"([{"role":"u","content":")" + std::string(100, 'x') + R"("}])"};
  tokens = service_->tokenize({.model = "bytes", .input = chat}, caller_);
  ASSERT_TRUE(tokens);
  EXPECT_THAT(tokens->ids, SizeIs(1 + 2 + 100 + 1 + 4));
}

TEST_F(ServiceTest, DetokenizesWhatTheVocabularyHas) {
  EXPECT_EQ(*service_->detokenize("bytes", {kBos, 'h', 0xC3, 0xA9}, caller_), "<bos>hé");
  auto refused = service_->detokenize("bytes", {1, 259}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "tokens[1] is 259; this model's ids are 0 to 258");
  EXPECT_EQ(refused.error().param, "tokens[1]");
}

TEST_F(ServiceTest, DetokenizesSoManyIdsAtATime) {
  EXPECT_EQ(
      service_->detokenize("bytes", std::vector<int32_t>(size_t{1} << 20, 'a'), caller_)->size(),
      size_t{1} << 20);
  auto refused =
      service_->detokenize("bytes", std::vector<int32_t>((size_t{1} << 20) + 1, 'a'), caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "tokens has 1048577 ids; the limit is 1048576");
}

/// A text that would be refused by the tokenizer: what refuses it before that has not tokenized it.
TEST_F(ServiceTest, WhatAKeyCanNeverPayIsRefusedBeforeItIsTokenized) {
  bytes_.loaded.max_model_len = 100'000;
  service_->mark_ready("bytes", bytes_.loaded);
  use_key(R"(limits = [{unit = "tokens", cap = 3000, window = "60s"}])");
  const std::string broken = std::string(30'000, 'x') + "\xff";  // 6 bytes a token at most
  auto refused = complete({.model = "bytes", .prompts = {broken}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::never_fits);
  EXPECT_EQ(header("x-ratelimit-limit-tokens"), "3000");
  // 2,000 tokens could be paid: they are counted first.
  refused = complete({.model = "bytes", .prompts = {broken.substr(18'000)}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
}

TEST_F(ServiceTest, WhatCannotBePaidNowIsRefusedBeforeItIsTokenized) {
  bytes_.loaded.max_model_len = 100'000;
  service_->mark_ready("bytes", bytes_.loaded);
  use_key(R"(max_wait = "0s"
limits = [{unit = "requests", cap = 1, window = "60s"}])");
  auto first = start({.model = "bytes", .prompts = {"hi"}});
  const std::string broken = std::string(30'000, 'x') + "\xff";
  auto refused = complete({.model = "bytes", .prompts = {broken}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_limited);
  ASSERT_TRUE(refused.error().retry_after);
  EXPECT_EQ(*refused.error().retry_after, milliseconds(60'000));
}

TEST_F(ServiceTest, ARequestGivesItsTurnBackBeforeItWaitsForTheModel) {
  const std::string long_text(50, 'x');
  caller_.preparation = service_->prepare(caller_);
  ASSERT_TRUE(caller_.preparation->hold(20'000));
  ASSERT_TRUE(caller_.preparation->enter(caller_));
  EXPECT_THAT(metrics_.text(), HasSubstr("weir_intake_running 1\n"));
  auto generation = start({.model = "bytes", .prompts = {long_text}});
  EXPECT_THAT(metrics_.text(), HasSubstr("weir_intake_running 0\n"));
  EXPECT_THAT(metrics_.text(), HasSubstr("weir_intake_bytes 20000\n"));
  caller_.preparation.reset();
  EXPECT_THAT(metrics_.text(), HasSubstr("weir_intake_bytes 0\n"));
}

TEST_F(ServiceTest, ATimeoutCountsFromBeforeTheBodyWasRead) {
  caller_.timeout = milliseconds(100);
  caller_.preparation = service_->prepare(caller_);
  clock_.advance(milliseconds(60));
  {
    auto generation = start({.model = "bytes", .prompts = {"hi"}});
    EXPECT_EQ(take().deadline, clock_.now() + milliseconds(40));
  }
  clock_.advance(milliseconds(40));
  auto late = complete({.model = "bytes", .prompts = {"hi"}}, caller_);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::deadline);
  EXPECT_EQ(late.error().message,
            "the request's timeout of 100 ms passed while it was read and tokenized");
  EXPECT_FALSE(dry_run(CompletionRequest{.model = "bytes", .prompts = {"hi"}}, caller_));
}

TEST_F(ServiceTest, TheLogsLineHearsWhatARequestCost) {
  caller_.line = std::make_shared<RequestLine>();
  {
    auto generation = start({.prompts = {"secret"}, .sampling = {.max_tokens = 2}});
    work::Request request = take();
    request.reply.start({.cached_tokens = 3, .queued = milliseconds(1)});
    push(request, "ab");
    request.reply.finish({.reason = work::FinishReason::length,
                          .prompt_tokens = 7,
                          .prefill = milliseconds(2),
                          .decode = milliseconds(3)});
    drain(*generation);
  }
  const RequestLine::Work& work = caller_.line->work;
  EXPECT_EQ(work.model, "bytes");
  EXPECT_EQ(work.task, "generate");
  EXPECT_EQ(work.rows, 1U);
  EXPECT_EQ(work.finish, "length");
  EXPECT_EQ(work.usage.prompt_tokens, 7U);
  EXPECT_EQ(work.usage.cached_tokens, 3U);
  EXPECT_EQ(work.usage.completion_tokens, 2U);
  EXPECT_EQ(work.usage.queue_ms, 1);
  EXPECT_EQ(work.usage.prefill_ms, 2);
  EXPECT_EQ(work.usage.decode_ms, 3);
}

TEST_F(ServiceTest, TheLogsLineOfARefusalHasNoNameThatTheClientMadeUp) {
  const auto model_of_refusal = [this](const std::string& model, Code code) {
    caller_.line = std::make_shared<RequestLine>();
    EXPECT_EQ(refusal(model).code, code);
    EXPECT_EQ(caller_.line->work.finish, "");
    return caller_.line->work.model;
  };
  EXPECT_EQ(model_of_refusal("secret\nmodel", Code::not_found), "");
  service_->drain();
  EXPECT_EQ(model_of_refusal("gpt-4", Code::unavailable), "bytes");
}

/// A client that leaves while others read its run: its line has what the run cost, once it ended.
TEST_F(ServiceTest, TheLogsLineIsHeldByTheRequestsWork) {
  caller_.line = std::make_shared<RequestLine>();
  const std::weak_ptr<RequestLine> line = caller_.line;
  auto generation = start({.prompts = {"a"}});
  caller_.line = nullptr;
  EXPECT_FALSE(line.expired());
  generation.reset();
  EXPECT_TRUE(line.expired());
}

/// A step thread of four clients' requests, each answered with its own prompt's bytes.
TEST_F(ServiceTest, ManyThreadsGetTheirOwnAnswers) {
  std::atomic<bool> stop = false;
  std::thread scheduler([&] {
    while (!stop) {
      for (work::Request& request : queue_->take_all()) {
        for (int32_t id : request.prompt)
          if (id != kBos) request.reply.push(work::Token{id});
        request.reply.finish({.reason = work::FinishReason::stop});
      }
      queue_->release_all();
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  std::vector<std::future<void>> clients;
  for (int client = 0; client < 4; ++client)
    clients.push_back(std::async(std::launch::async, [&, client] {
      Caller who = caller();
      for (int i = 0; i < 25; ++i) {
        const std::string text = "client " + std::to_string(client) + " asks " + std::to_string(i);
        auto generation = complete({.prompts = {text, text + "!"}}, who);
        ASSERT_TRUE(generation) << generation.error().message;
        std::vector<Delta> deltas;
        while (!(*generation)->done()) {
          auto delta = (*generation)->next(std::chrono::seconds(10));
          ASSERT_TRUE(delta && *delta);
          deltas.push_back(**std::move(delta));
        }
        EXPECT_EQ(text_of(deltas, 0), text);
        EXPECT_EQ(text_of(deltas, 1), text + "!");
      }
    }));
  for (auto& client : clients) client.get();
  stop = true;
  scheduler.join();
  EXPECT_THAT(finished(), ElementsAre(Pair("stop", 200)));
  EXPECT_EQ(service_->in_flight(), 0U);
}

}  // namespace
}  // namespace weir::serve
