#include <future>

#include "serve/response_cache_store.h"
#include "served.h"
#include "weir/serve/request_line.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;

class ResponseCacheTest : public ServedTest {
 protected:
  void SetUp() override { restart({.response_cache = size_t{1} << 20}); }

  static CompletionRequest greedy(const std::string& prompt = "hey", uint32_t max_tokens = 3) {
    return {.prompts = {prompt}, .sampling = {.temperature = 0.0F, .max_tokens = max_tokens}};
  }
  /// Starts a request of its own headers; what it was answered from.
  std::unique_ptr<Generation> ask(const CompletionRequest& request, const std::string& outcome) {
    caller_.notes = {};
    auto generation = start(request);
    EXPECT_EQ(header("x-weir-cache"), outcome);
    return generation;
  }
  static void answer(work::Request& request, const std::string& text) {
    request.reply.start({.cached_tokens = 1, .queued = milliseconds(5)});
    push(request, text);
    request.reply.finish({.reason = work::FinishReason::length,
                          .prompt_tokens = 4,
                          .generated_tokens = static_cast<uint32_t>(text.size()),
                          .prefill = milliseconds(20),
                          .decode = milliseconds(30)});
  }
  /// Asks and has it computed.
  void compute(const CompletionRequest& request, const std::string& text) {
    auto generation = ask(request, "miss");
    work::Request work = take();
    answer(work, text);
    EXPECT_EQ(text_of(drain(*generation)), text);
  }
};

TEST_F(ResponseCacheTest, TheSameGreedyRequestIsAnsweredFromMemory) {
  compute(greedy(), "abc");
  auto again = ask(greedy(), "hit");
  EXPECT_EQ(queue_->waiting(), 0U);
  EXPECT_EQ(again->model(), "bytes");
  EXPECT_EQ(again->prompts(), (Prompts{{.ids = {kBos, 'h', 'e', 'y'}}}));
  const auto pieces = drain(*again);
  ASSERT_THAT(pieces, SizeIs(1));
  EXPECT_EQ(pieces[0].text, "abc");
  EXPECT_THAT(pieces[0].token_ids, ElementsAre('a', 'b', 'c'));
  EXPECT_EQ(pieces[0].end->reason, FinishReason::length);
  EXPECT_TRUE(again->done());
  EXPECT_EQ(again->usage().prompt_tokens, 4U);
  EXPECT_EQ(again->usage().completion_tokens, 3U);
  EXPECT_EQ(again->usage().cached_tokens, 1U);
  EXPECT_DOUBLE_EQ(again->usage().decode_ms, 0);
  EXPECT_EQ(service_->in_flight(), 1U);
  again.reset();
  EXPECT_EQ(service_->in_flight(), 0U);
  EXPECT_THAT(metrics_.text(),
              HasSubstr("weir_response_cache_total{model=\"bytes\",outcome=\"hit\"} 1\n"));
  EXPECT_THAT(metrics_.text(), HasSubstr("weir_response_cache_answers 1\n"));
}

TEST_F(ResponseCacheTest, WhateverChangesTheAnswerIsAnotherRequest) {
  compute(greedy(), "abc");
  CompletionRequest other = greedy();
  other.sampling.seed = 7;  // draws nothing
  ask(other, "hit");
  compute(greedy("hey", 2), "ab");
  compute(greedy("hex"), "abc");
  other = greedy();
  other.sampling.stop = {"x"};
  compute(other, "abc");
  other.sampling.include_stop_str_in_output = true;
  compute(other, "abc");
  other = greedy();
  other.sampling.stop_token_ids = {5};
  compute(other, "abc");
  other = greedy();
  other.sampling.min_tokens = 1;
  compute(other, "abc");
  other = greedy();
  other.sampling.ignore_eos = true;
  compute(other, "abc");
  other = greedy();
  other.sampling.skip_special_tokens = false;
  compute(other, "abc");
}

TEST_F(ResponseCacheTest, WhatChangesTheLogitsOrIsToldOfThemIsAnotherRequestToo) {
  compute(greedy(), "abc");
  const std::vector<Sampling> changes = {
      {.presence_penalty = 1.0F},
      {.frequency_penalty = 1.0F},
      {.repetition_penalty = 2.0F},
      {.logit_bias = {{5, 1.0F}}},
      {.logit_bias = {{5, 2.0F}}},
      {.logit_bias = {{6, 1.0F}}},
      {.bad_words = {"x"}},
      {.bad_words = {"xy"}},
      {.bad_words = {"x", "y"}},
      {.allowed_token_ids = {5}},
      {.logprobs = 0},
      {.logprobs = 1},
      {.prompt_logprobs = 0},
      {.prompt_logprobs = 1},
  };
  for (Sampling changed : changes) {
    changed.temperature = 0.0F;
    changed.max_tokens = 3;
    const CompletionRequest other{.prompts = {"hey"}, .sampling = changed};
    compute(other, "abc");
    ask(other, "hit");
  }
  CompletionRequest echo = greedy();
  echo.echo = true;
  auto generation = ask(echo, "miss");
  work::Request work = take();
  answer(work, "abc");
  EXPECT_EQ(text_of(drain(*generation)), "heyabc");
  EXPECT_EQ(text_of(drain(*ask(echo, "hit"))), "heyabc");
  // The same tokens have another text where they were given as ids.
  echo.prompts = {std::vector<int32_t>{kBos, 'h', 'e', 'y'}};
  ask(echo, "miss");
  take();
  echo.sampling.max_tokens = 0;
  ask(echo, "miss");
}

TEST_F(ResponseCacheTest, LogprobsAreKeptWithTheirAnswer) {
  CompletionRequest request = greedy();
  request.sampling.logprobs = 1;
  request.sampling.prompt_logprobs = 0;
  auto generation = ask(request, "miss");
  work::Request work = take();
  work.reply.push(
      work::PromptTokens{std::vector<work::Token>(3, {'p', work::Logprobs{.own = -2}})});
  for (char token : {'a', 'b'})
    work.reply.push({token, work::Logprobs{.own = -1, .rank = 1, .top = {{token, -1}}}});
  work.reply.finish({.reason = work::FinishReason::length});
  drain(*generation);
  const auto again = drain(*ask(request, "hit"));
  ASSERT_THAT(again, SizeIs(1));
  ASSERT_THAT(again[0].logprobs, SizeIs(2));
  EXPECT_EQ(again[0].logprobs[1].top[0].bytes, "b");
  ASSERT_THAT(again[0].prompt_logprobs, SizeIs(4));
  EXPECT_EQ(again[0].prompt_logprobs[1].logprob, -2.0F);
}

TEST_F(ResponseCacheTest, DrawnTokensAndASwitchedOffCacheAreLeftAlone) {
  CompletionRequest drawn = greedy();
  drawn.sampling.temperature = 0.5F;
  ask(drawn, "(none)");
  restart();
  ask(greedy(), "(none)");
}

TEST_F(ResponseCacheTest, OneTenantsAnswersAreNotAnothers) {
  compute(greedy(), "abc");
  use_key("");
  ask(greedy(), "miss");
}

TEST_F(ResponseCacheTest, AHitWaitsForItsLimitsAsAnyOtherStream) {
  use_key("max_wait = \"10s\"\nlimits = [ { unit = \"requests\", cap = 1, window = \"6s\" } ]");
  // Nothing may block: the clock stands still until the test moves it.
  caller_.gone = [] { return true; };
  compute(greedy(), "abc");
  auto again = ask(greedy(), "hit");
  ASSERT_TRUE(again);
  EXPECT_EQ(header("x-weir-queue-position"), "1");
  EXPECT_EQ(header("x-weir-predicted-wait-ms"), "6000");
  ASSERT_TRUE(again->standing());
  EXPECT_EQ(again->standing()->line, PlaceInLine::Which::gate);
  EXPECT_EQ(again->standing()->wait, milliseconds(6000));
  EXPECT_THAT(drain(*again), SizeIs(0));
  EXPECT_FALSE(again->done());
  EXPECT_EQ(again->model(), "bytes");
  EXPECT_EQ(again->prompts(), (Prompts{{.ids = {kBos, 'h', 'e', 'y'}}}));
  clock_.advance(milliseconds(6000));
  EXPECT_EQ(text_of(drain(*again)), "abc");
  EXPECT_TRUE(again->done());
  EXPECT_FALSE(again->standing());
  EXPECT_EQ(queue_->waiting(), 0U);
  EXPECT_THAT(metrics_.text(),
              HasSubstr("weir_response_cache_total{model=\"bytes\",outcome=\"hit\"} 1\n"));
}

TEST_F(ResponseCacheTest, AReaderWaitsForItsLimitsWhileTheRunGoesOn) {
  use_key("max_wait = \"10s\"\nlimits = [ { unit = \"requests\", cap = 1, window = \"6s\" } ]");
  caller_.gone = [] { return true; };
  auto first = ask(greedy(), "miss");
  work::Request work = take();
  push(work, "a");
  EXPECT_EQ(text_of(drain(*first)), "a");
  auto second = ask(greedy(), "coalesced");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->standing()->line, PlaceInLine::Which::gate);
  clock_.advance(milliseconds(6000));
  EXPECT_EQ(text_of(drain(*second)), "a");
  second.reset();
  auto third = ask(greedy(), "coalesced");
  ASSERT_TRUE(third);
  third.reset();  // leaves the line
  EXPECT_EQ(gate_.waiting(), 0U);
  EXPECT_THAT(refusals(), ElementsAre(Pair("cancelled", 1)));
}

TEST_F(ResponseCacheTest, AnIdenticalRequestJoinsTheOneThatRuns) {
  auto first = ask(greedy(), "miss");
  work::Request work = take();
  push(work, "a");
  EXPECT_EQ(text_of(drain(*first)), "a");
  auto second = ask(greedy(), "coalesced");
  EXPECT_EQ(queue_->waiting(), 0U);
  EXPECT_EQ(text_of(drain(*second)), "a");  // what exists
  push(work, "bc");
  work.reply.finish({.reason = work::FinishReason::length, .generated_tokens = 3});
  EXPECT_EQ(text_of(drain(*second)), "bc");  // and what follows
  EXPECT_TRUE(second->done());
  EXPECT_EQ(text_of(drain(*first)), "bc");
  EXPECT_TRUE(first->done());
  EXPECT_EQ(second->usage().completion_tokens, 3U);
  EXPECT_THAT(finished(), ElementsAre(Pair("length", 1)));  // one was computed
  ask(greedy(), "hit");
}

TEST_F(ResponseCacheTest, WorkGoesOnWhileAnybodyReads) {
  auto first = ask(greedy(), "miss");
  work::Request work = take();
  auto second = ask(greedy(), "coalesced");
  auto third = ask(greedy(), "coalesced");
  first.reset();
  EXPECT_FALSE(work.reply.closed());
  answer(work, "abc");
  EXPECT_EQ(text_of(drain(*second)), "abc");
  second.reset();
  EXPECT_EQ(text_of(drain(*third)), "abc");

  auto alone = ask(greedy("other"), "miss");
  work = take();
  alone.reset();
  EXPECT_TRUE(work.reply.closed());
  ask(greedy("other"), "miss");
}

TEST_F(ResponseCacheTest, WhoReadTogetherFailTogetherAndNothingIsKept) {
  auto first = ask(greedy(), "miss");
  work::Request work = take();
  auto second = ask(greedy(), "coalesced");
  work.reply.fail({.code = Code::internal, .message = "broken"});
  for (Generation* each : {first.get(), second.get()}) {
    auto piece = each->next(milliseconds(50));
    ASSERT_FALSE(piece);
    EXPECT_EQ(piece.error().message, "broken");
  }
  ask(greedy(), "miss");
}

TEST_F(ResponseCacheTest, NobodyJoinsARunOfLessPriorityOrWithADeadline) {
  use_key("priority = 7");
  caller_.priority = 3;
  auto low = ask(greedy(), "miss");
  caller_.priority.reset();
  auto high = ask(greedy(), "miss");
  EXPECT_EQ(queue_->waiting(), 2U);
  caller_.timeout = std::chrono::seconds(5);
  auto hasty = ask(greedy("other"), "miss");
  caller_.timeout.reset();
  auto patient = ask(greedy("other"), "miss");
  EXPECT_EQ(queue_->waiting(), 4U);
}

TEST_F(ResponseCacheTest, AFollowerKeepsItsOwnDeadline) {
  auto first = ask(greedy(), "miss");
  caller_.timeout = std::chrono::seconds(5);
  auto second = ask(greedy(), "coalesced");
  clock_.advance(std::chrono::seconds(6));
  auto late = second->next(milliseconds(0));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::deadline);
  EXPECT_TRUE(first->next(milliseconds(0)));
}

TEST_F(ResponseCacheTest, AHitIsChargedAsARequestWithACachedPrompt) {
  use_key(
      "max_wait = \"0s\"\nlimits = [{ unit = \"tokens\", cap = 100, window = \"100000s\" }, "
      "{ unit = \"requests\", cap = 3, window = \"100000s\" }]");
  compute(greedy(), "abc");                                 // 4 and 3 tokens
  EXPECT_EQ(text_of(drain(*ask(greedy(), "hit"))), "abc");  // 4
  ask(greedy(), "hit");
  EXPECT_EQ(header("x-ratelimit-remaining-tokens"), "85");  // with these 4
  caller_.notes = {};
  auto refused = complete(greedy(), caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_limited);
}

TEST_F(ResponseCacheTest, TheLogSaysWhatServed) {
  compute(greedy(), "abc");
  caller_.line = std::make_shared<RequestLine>();
  drain(*ask(greedy(), "hit"));
  EXPECT_EQ(caller_.line->work.response_cache, "hit");
  EXPECT_EQ(caller_.line->work.finish, "length");
  EXPECT_EQ(caller_.line->work.usage.completion_tokens, 3U);
}

TEST_F(ResponseCacheTest, EmbeddingsAreKeptAndShared) {
  const auto ask = [this](Caller& who) { return embed({.inputs = {"hey"}}, who); };
  Caller first_caller = caller(), second_caller = caller(), third_caller = caller();
  auto first = std::async(std::launch::async, [&] { return ask(first_caller); });
  std::vector<work::Request> work;
  while (work.empty()) work = embed_queue_->take_all();
  auto second = std::async(std::launch::async, [&] { return ask(second_caller); });
  while (service_->in_flight() < 2) std::this_thread::yield();
  std::this_thread::sleep_for(milliseconds(20));
  work[0].reply.push(readings_of({1, 0, 0, 0}));
  work[0].reply.finish({.prompt_tokens = 5});
  for (auto* each : {&first, &second}) {
    auto answer = each->get();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(answer->vectors, ElementsAre(ElementsAre(1, 0, 0, 0)));
    EXPECT_EQ(answer->usage.prompt_tokens, 5U);
  }
  auto third = ask(third_caller);
  ASSERT_TRUE(third);
  EXPECT_THAT(third->vectors, ElementsAre(ElementsAre(1, 0, 0, 0)));
  caller_ = third_caller;
  EXPECT_EQ(header("x-weir-cache"), "hit");
  EXPECT_THAT(finished("vectors"), ElementsAre(Pair("stop", 1)));
}

ResponseKey key(unsigned char byte) { return {byte}; }

std::shared_ptr<const StoredAnswer> stored(size_t floats) {
  Delta piece;
  piece.answers = std::make_shared<const Answers>(Answers{Vector(floats)});
  return std::make_shared<const StoredAnswer>(StoredAnswer{.choices = {std::move(piece)}});
}

TEST(ResponseStore, TheLeastRecentlyUsedLeavesAndBytesAreBounded) {
  const size_t one = stored(100)->bytes();
  ResponseStore store(2 * one);
  store.put(key(1), stored(100));
  store.put(key(2), stored(100));
  EXPECT_EQ(store.bytes(), 2 * one);
  EXPECT_TRUE(store.find(key(1)));
  store.put(key(3), stored(100));
  EXPECT_TRUE(store.find(key(1)));
  EXPECT_FALSE(store.find(key(2)));
  EXPECT_TRUE(store.find(key(3)));
  EXPECT_EQ(store.size(), 2U);
  store.put(key(3), stored(50));  // replaced
  EXPECT_LT(store.bytes(), 2 * one);
  store.put(key(4), stored(10'000));  // larger than all of it
  EXPECT_FALSE(store.find(key(4)));
  EXPECT_EQ(store.size(), 2U);
}

}  // namespace
}  // namespace weir::serve
