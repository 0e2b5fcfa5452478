#include "served.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

using GenerationTest = ServedTest;

TEST_F(GenerationTest, TextTokensEndAndUsage) {
  auto generation = start({.prompts = {"hey"}, .sampling = {.max_tokens = 3}});
  work::Request request = take();
  EXPECT_EQ(request.id, "r1");
  EXPECT_THAT(request.prompt, ElementsAre(kBos, 'h', 'e', 'y'));
  EXPECT_EQ(std::get<work::SamplingParams>(request.params).max_tokens, 3U);
  EXPECT_EQ(generation->prompts(), Prompts{{.ids = request.prompt}});
  request.reply.start({.cached_tokens = 2, .queued = std::chrono::microseconds(1500)});
  push(request, "abc");
  request.reply.finish({.reason = work::FinishReason::length,
                        .prompt_tokens = 4,
                        .generated_tokens = 3,
                        .prefill = milliseconds(20),
                        .decode = milliseconds(30)});
  const auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(3));  // a token each; the end with the last
  EXPECT_EQ(text_of(deltas), "abc");
  EXPECT_THAT(deltas[1].token_ids, ElementsAre('b'));
  EXPECT_FALSE(deltas[1].end);
  ASSERT_TRUE(deltas[2].end);
  EXPECT_EQ(deltas[2].end->reason, FinishReason::length);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(deltas[2].end->stop));
  EXPECT_TRUE(generation->done());
  const Usage usage = generation->usage();
  EXPECT_EQ(usage.prompt_tokens, 4U);
  EXPECT_EQ(usage.completion_tokens, 3U);
  EXPECT_EQ(usage.cached_tokens, 2U);
  EXPECT_DOUBLE_EQ(usage.queue_ms, 1.5);
  EXPECT_DOUBLE_EQ(usage.prefill_ms, 20);
  EXPECT_DOUBLE_EQ(usage.decode_ms, 30);
  EXPECT_EQ(header("x-weir-model"), "bytes");
  auto after = generation->next(milliseconds(0));
  ASSERT_TRUE(after);
  EXPECT_FALSE(*after);
}

TEST_F(GenerationTest, SeveralCompletionsAreOneRequestWhosePromptCountsOnce) {
  auto generation =
      start({.prompts = {"hey", "you"}, .sampling = {.n = 2, .seed = 5, .max_tokens = 1}});
  ASSERT_TRUE(generation);
  auto requests = queue_->take_all();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_THAT(generation->prompts(), SizeIs(4));
  EXPECT_EQ(generation->prompts()[1], generation->prompts()[0]);
  uint64_t seed = 5;
  char letter = 'a';
  for (work::Request& request : requests) {
    EXPECT_EQ(std::get<work::SamplingParams>(request.params).seed, seed++);
    ASSERT_THAT(request.branches, SizeIs(1));
    EXPECT_EQ(request.branches[0].seed, seed++);
    for (work::Reply* reply : {&request.reply, &request.branches[0].reply}) {
      reply->start({.cached_tokens = 2});
      reply->push(work::Token{letter++});
      reply->finish({.reason = work::FinishReason::length, .prompt_tokens = 4});
    }
  }
  std::string texts[4];
  for (const Delta& delta : drain(*generation)) texts[delta.choice] += delta.text;
  EXPECT_THAT(texts, ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(generation->usage().prompt_tokens, 8U);
  EXPECT_EQ(generation->usage().completion_tokens, 4U);
  EXPECT_EQ(generation->usage().cached_tokens, 4U);
}

TEST_F(GenerationTest, TheSpaceBeforeTheFirstWordIsKept) {
  auto tokenizer = byte_tokenizer(false);
  tokenizer["model"]["vocab"].erase("z");
  tokenizer["model"]["vocab"]["▁b"] = 'z';
  tokenizer["decoder"] = {
      {"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}, {"split", true}};
  bytes_.folder.write("tokenizer.json", tokenizer.dump());
  bytes_.loaded.text = text_side(bytes_.folder, kGenerates);
  restart();
  auto generation = start({.prompts = {"a"}, .sampling = {.max_tokens = 2}});
  work::Request request = take();
  for (int i = 0; i < 2; ++i) request.reply.push(work::Token{'z'});
  request.reply.finish({.reason = work::FinishReason::length, .prompt_tokens = 2});
  EXPECT_EQ(text_of(drain(*generation)), " b b");
}

TEST_F(GenerationTest, WaitsForWhatComesAndGivesUpAtItsLimit) {
  auto generation = start({.prompts = {"hey"}});
  work::Request request = take();
  auto nothing = generation->next(milliseconds(5));
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(20));
    push(request, "x");
  });
  auto delta = generation->next(std::chrono::seconds(10));
  later.join();
  ASSERT_TRUE(delta && *delta);
  EXPECT_EQ((*delta)->text, "x");
}

TEST_F(GenerationTest, ACharacterIsShownOnceItIsWhole) {
  auto generation = start({.prompts = {"hey"}});
  work::Request request = take();
  push(request, "a\xC3\xA9\xF0\x9F");  // é, and half of an emoji
  request.reply.finish({.reason = work::FinishReason::length});
  const auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(5));
  EXPECT_EQ(deltas[0].text, "a");
  EXPECT_EQ(deltas[1].text, "");
  EXPECT_THAT(deltas[1].token_ids, ElementsAre(0xC3));
  EXPECT_EQ(deltas[2].text, "é");
  EXPECT_EQ(text_of(deltas), "aé\xEF\xBF\xBD");  // the half one comes as U+FFFD at the end
}

TEST_F(GenerationTest, AStopStringOverTokensEndsAndCancels) {
  auto generation = start({.prompts = {"hey"}, .sampling = {.stop = {"END"}}});
  work::Request request = take();
  request.reply.start({.cached_tokens = 3, .queued = milliseconds(30)});
  push(request, "abENDcd");
  EXPECT_FALSE(request.reply.closed());
  clock_.advance(milliseconds(40));
  const auto deltas = drain(*generation);
  EXPECT_EQ(text_of(deltas), "ab");
  ASSERT_TRUE(deltas.back().end);
  EXPECT_EQ(deltas.back().end->reason, FinishReason::stop);
  EXPECT_EQ(std::get<std::string>(deltas.back().end->stop), "END");
  EXPECT_EQ(generation->usage().completion_tokens, 5U);  // c and d are not counted
  // What was known when it began holds for one that is cut short.
  EXPECT_EQ(generation->usage().cached_tokens, 3U);
  EXPECT_DOUBLE_EQ(generation->usage().queue_ms, 30);
  EXPECT_DOUBLE_EQ(generation->usage().prefill_ms, 10);
  EXPECT_TRUE(request.reply.closed());
  EXPECT_TRUE(generation->done());
}

TEST_F(GenerationTest, AHeldBackTextComesAtTheEnd) {
  auto generation = start({.prompts = {"hey"}, .sampling = {.stop = {"END"}}});
  work::Request request = take();
  push(request, "abEN");
  EXPECT_EQ(text_of(drain(*generation)), "ab");
  request.reply.finish({.reason = work::FinishReason::length});
  const auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(1));
  EXPECT_EQ(deltas[0].text, "EN");
  EXPECT_THAT(deltas[0].token_ids, IsEmpty());
  EXPECT_EQ(deltas[0].end->reason, FinishReason::length);
}

TEST_F(GenerationTest, AStopStringCanBeIncludedAndWaitsForMinTokens) {
  auto generation =
      start({.prompts = {"hey"},
             .sampling = {.min_tokens = 4, .stop = {"."}, .include_stop_str_in_output = true}});
  work::Request request = take();
  push(request, "a.b.c.d");
  EXPECT_EQ(text_of(drain(*generation)), "a.b.c.");
  EXPECT_EQ(generation->usage().completion_tokens, 6U);
}

TEST_F(GenerationTest, AnEosIsCountedNotShownAndNoStopReason) {
  auto generation = start({.prompts = {"hey"}, .sampling = {.skip_special_tokens = false}});
  work::Request request = take();
  EXPECT_THAT(std::get<work::SamplingParams>(request.params).stop_tokens, ElementsAre(kEos));
  push(request, "a");
  request.reply.push(work::Token{kEos});
  // What may be the stop token waits for the next event.
  auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(1));
  EXPECT_THAT(deltas[0].token_ids, ElementsAre('a'));
  request.reply.finish({.reason = work::FinishReason::stop, .stop_token = true});
  deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(1));
  EXPECT_EQ(deltas[0].text, "");
  EXPECT_THAT(deltas[0].token_ids, ElementsAre(kEos));
  EXPECT_EQ(deltas[0].end->reason, FinishReason::stop);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(deltas[0].end->stop));
  EXPECT_EQ(generation->usage().completion_tokens, 2U);
}

TEST_F(GenerationTest, AStopTokenOfTheRequestIsItsStopReason) {
  auto generation =
      start({.prompts = {"hey"}, .sampling = {.ignore_eos = true, .stop_token_ids = {'z'}}});
  work::Request request = take();
  request.reply.push(work::Token{kEos});
  push(request, "az");
  request.reply.finish({.reason = work::FinishReason::stop, .stop_token = true});
  auto deltas = drain(*generation);
  EXPECT_EQ(text_of(deltas), "a");
  EXPECT_EQ(std::get<int32_t>(deltas.back().end->stop), 'z');
}

TEST_F(GenerationTest, AStopTokenIsShownWhereAskedFor) {
  auto generation =
      start({.prompts = {"hey"},
             .sampling = {.stop_token_ids = {'z'}, .include_stop_str_in_output = true}});
  work::Request request = take();
  push(request, "az");
  request.reply.finish({.reason = work::FinishReason::stop, .stop_token = true});
  EXPECT_EQ(text_of(drain(*generation)), "az");
}

TEST_F(GenerationTest, ManyWaitingTokensComeInOnePiece) {
  auto generation = start({.prompts = {"hey"}});
  work::Request request = take();
  push(request, "0123456789");
  auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(1));
  EXPECT_EQ(deltas[0].text, "0123456789");
  EXPECT_THAT(deltas[0].token_ids, SizeIs(10));
  push(request, "ab");
  EXPECT_THAT(drain(*generation), SizeIs(2));
}

TEST_F(GenerationTest, ChoicesTakeTurnsAndDrawWithSeedsOfTheirOwn) {
  auto generation = start({.prompts = {"a", std::vector<int32_t>{1, 2}}, .sampling = {.seed = 40}});
  auto requests = queue_->take_all();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[1].id, "r1-1");
  EXPECT_EQ(std::get<work::SamplingParams>(requests[0].params).seed, 40U);
  EXPECT_EQ(std::get<work::SamplingParams>(requests[1].params).seed, 41U);
  push(requests[0], "abc");
  push(requests[1], "xyz");
  auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(6));
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(deltas[i].choice, i % 2);
  EXPECT_EQ(text_of(deltas, 1), "xyz");
  requests[1].reply.finish({.reason = work::FinishReason::length});
  EXPECT_THAT(drain(*generation), SizeIs(1));
  EXPECT_FALSE(generation->done());
  requests[0].reply.finish({.reason = work::FinishReason::length});
  EXPECT_THAT(drain(*generation), SizeIs(1));
  EXPECT_TRUE(generation->done());
  EXPECT_EQ(generation->usage().prompt_tokens, 4U);
  EXPECT_EQ(generation->usage().completion_tokens, 6U);
  EXPECT_THAT(finished(), ElementsAre(Pair("length", 2)));
}

work::Token told(int32_t id, float own, std::vector<std::pair<int32_t, float>> top = {}) {
  return {id, work::Logprobs{.own = own, .rank = 3, .top = std::move(top)}};
}

TEST_F(GenerationTest, LogprobsComeWithTheirTokensAndTheirBytes) {
  auto generation = start({.prompts = {"hey"}, .sampling = {.stop = {"!"}, .logprobs = 2}});
  work::Request request = take();
  EXPECT_EQ(std::get<work::SamplingParams>(request.params).logprobs, 2U);
  request.reply.push(told(0xC3, -0.5F, {{0xC4, -0.25F}, {0xC3, -0.5F}}));
  request.reply.push(told(0xA9, -1));
  request.reply.push(told('!', -2, {{kEos, -0.125F}}));
  const auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(3));
  EXPECT_EQ(text_of(deltas), "é");
  ASSERT_THAT(deltas[0].logprobs, SizeIs(1));  // though its text waits for the other half
  const TokenLogprob& first = deltas[0].logprobs[0];
  EXPECT_EQ(first.id, 0xC3);
  EXPECT_EQ(first.bytes, "\xC3");
  EXPECT_EQ(first.logprob, -0.5F);
  EXPECT_EQ(first.rank, 3);
  ASSERT_THAT(first.top, SizeIs(2));
  EXPECT_EQ(first.top[0].id, 0xC4);
  EXPECT_EQ(first.top[0].bytes, "\xC4");
  EXPECT_EQ(first.top[0].logprob, -0.25F);
  // A token that is counted has its logprob, also where a stop string hides its text.
  ASSERT_THAT(deltas[2].logprobs, SizeIs(1));
  EXPECT_EQ(deltas[2].logprobs[0].bytes, "!");
  EXPECT_EQ(deltas[2].logprobs[0].top[0].bytes, "<eos>");
  for (const Delta& delta : deltas) EXPECT_THAT(delta.prompt_logprobs, IsEmpty());
}

TEST_F(GenerationTest, WhoDoesNotAskForLogprobsGetsNone) {
  auto generation = start({.prompts = {"hey"}});
  work::Request request = take();
  request.reply.push(told('a', -1));
  const auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(1));
  EXPECT_THAT(deltas[0].logprobs, IsEmpty());
}

TEST_F(GenerationTest, LogprobsOfThePromptComeOnceWithTheFirstPiece) {
  auto generation = start({.prompts = {"hey"}, .sampling = {.prompt_logprobs = 1}});
  work::Request request = take();
  EXPECT_EQ(std::get<work::SamplingParams>(request.params).prompt_logprobs, 1U);
  // As a prompt is read in parts; ten of them are no reason to hold tokens back.
  request.reply.push(work::PromptTokens{{told('h', -1, {{'x', -0.5F}})}});
  for (int i = 0; i < 10; ++i) request.reply.push(work::PromptTokens{});
  EXPECT_THAT(drain(*generation), IsEmpty());
  request.reply.push(work::PromptTokens{{told('e', -2), told('y', -3)}});
  push(request, "ab");
  const auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(2));
  const auto& prompt = deltas[0].prompt_logprobs;
  ASSERT_THAT(prompt, SizeIs(4));
  EXPECT_EQ(prompt[0].id, kBos);
  EXPECT_EQ(prompt[0].bytes, "<bos>");
  EXPECT_FALSE(prompt[0].logprob);
  EXPECT_EQ(prompt[1].bytes, "h");
  EXPECT_EQ(prompt[1].top[0].bytes, "x");
  EXPECT_EQ(prompt[3].logprob, -3.0F);
  EXPECT_THAT(deltas[1].prompt_logprobs, IsEmpty());
}

TEST_F(GenerationTest, AnEchoStandsBeforeEachCompletion) {
  auto generation = start({.prompts = {"hey", std::vector<int32_t>{kBos, 'y', 'o', 260}},
                           .echo = true,
                           .sampling = {.stop = {"y"}, .logprobs = 2, .prompt_logprobs = 1}});
  auto requests = queue_->take_all();
  ASSERT_THAT(requests, SizeIs(2));
  // Of what the prompt's tokens are told, the larger number is asked for.
  EXPECT_EQ(std::get<work::SamplingParams>(requests[0].params).prompt_logprobs, 2U);
  for (work::Request& request : requests) {
    push(request, "ab");
    request.reply.finish({.reason = work::FinishReason::length});
  }
  const auto deltas = drain(*generation);
  EXPECT_EQ(text_of(deltas, 0), "heyab");  // a stop string is looked for in the completion
  EXPECT_EQ(text_of(deltas, 1), "<bos>yoab");
  EXPECT_EQ(generation->usage().completion_tokens, 4U);
}

TEST_F(GenerationTest, AnEchoAloneDrawsATokenThatNobodySees) {
  auto generation =
      start({.prompts = {"hey"}, .echo = true, .sampling = {.max_tokens = 0, .logprobs = 1}});
  work::Request request = take();
  const auto& params = std::get<work::SamplingParams>(request.params);
  EXPECT_EQ(params.max_tokens, 1U);
  EXPECT_EQ(params.prompt_logprobs, 1U);
  request.reply.push(work::PromptTokens{{told('h', -1), told('e', -2), told('y', -3)}});
  request.reply.push(told(kEos, -1));
  request.reply.finish({.reason = work::FinishReason::stop, .stop_token = true});
  const auto deltas = drain(*generation);
  ASSERT_THAT(deltas, SizeIs(1));
  EXPECT_EQ(deltas[0].text, "hey");
  EXPECT_THAT(deltas[0].token_ids, IsEmpty());
  EXPECT_THAT(deltas[0].logprobs, IsEmpty());
  EXPECT_THAT(deltas[0].prompt_logprobs, SizeIs(4));
  EXPECT_EQ(deltas[0].end->reason, FinishReason::length);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(deltas[0].end->stop));
  EXPECT_EQ(generation->usage().completion_tokens, 0U);
}

TEST_F(GenerationTest, OnlyAnEchoMayHaveNoTokens) {
  auto refused = complete({.prompts = {"hey"}, .sampling = {.max_tokens = 0}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "max_tokens is 0; at least 1 is wanted");
}

TEST_F(GenerationTest, AnErrorEndsAllChoices) {
  auto generation = start({.prompts = {"a", "b"}});
  auto requests = queue_->take_all();
  push(requests[0], "x");
  requests[0].reply.fail({.code = Code::internal, .message = "the step failed"});
  auto delta = generation->next(milliseconds(50));
  ASSERT_TRUE(delta && *delta);
  EXPECT_EQ((*delta)->text, "x");
  delta = generation->next(milliseconds(50));
  ASSERT_FALSE(delta);
  EXPECT_EQ(delta.error().message, "the step failed");
  EXPECT_TRUE(requests[1].reply.closed());
  EXPECT_TRUE(generation->done());
  EXPECT_FALSE(generation->next(milliseconds(0)));  // and stays so
  EXPECT_THAT(finished(), ElementsAre(Pair("error", 2)));
}

TEST_F(GenerationTest, ADroppedRequestIsAnError) {
  auto generation = start({.prompts = {"a"}});
  { work::Request dropped = take(); }
  auto delta = generation->next(milliseconds(50));
  ASSERT_FALSE(delta);
  EXPECT_EQ(delta.error().code, Code::internal);
}

TEST_F(GenerationTest, DroppingItCancels) {
  auto generation = start({.prompts = {"a", "b"}});
  auto requests = queue_->take_all();
  EXPECT_EQ(service_->in_flight(), 1U);
  push(requests[0], "xyz");
  generation.reset();
  EXPECT_TRUE(requests[0].reply.closed());
  EXPECT_TRUE(requests[1].reply.closed());
  EXPECT_EQ(service_->in_flight(), 0U);
  EXPECT_THAT(finished(), ElementsAre(Pair("abort", 2)));
  EXPECT_EQ(fakes::scraped(metrics_, "weir_generated_tokens_total{model=\"bytes\"}"), 3);
}

TEST_F(GenerationTest, ItsTimeoutEndsIt) {
  caller_.timeout = milliseconds(100);
  auto generation = start({.prompts = {"a"}});
  work::Request request = take();
  EXPECT_EQ(request.deadline, clock_.now() + milliseconds(100));
  push(request, "x");
  clock_.advance(milliseconds(99));
  ASSERT_TRUE(*generation->next(milliseconds(0)));
  clock_.advance(milliseconds(1));
  auto delta = generation->next(milliseconds(0));
  ASSERT_FALSE(delta);
  EXPECT_EQ(delta.error().code, Code::deadline);
  EXPECT_EQ(delta.error().message,
            "the request's timeout of 100 ms passed after 1 completion tokens");
  EXPECT_TRUE(request.reply.closed());
  EXPECT_THAT(finished(), ElementsAre(Pair("abort", 1)));
}

TEST_F(GenerationTest, MetricsSayWhenTokensCame) {
  auto generation = start({.prompts = {"abc"}, .sampling = {.max_tokens = 9}});
  work::Request request = take();
  clock_.advance(milliseconds(100));
  request.reply.start({.cached_tokens = 2, .queued = milliseconds(10)});
  push(request, "a");
  drain(*generation);
  clock_.advance(milliseconds(60));
  push(request, "bcd");
  drain(*generation);
  request.reply.finish({.reason = work::FinishReason::stop,
                        .prompt_tokens = 4,
                        .prefill = milliseconds(50),
                        .decode = milliseconds(90)});
  drain(*generation);
  EXPECT_THAT(finished(), ElementsAre(Pair("stop", 1)));
  const std::pair<const char*, double> expected[] = {{"weir_time_to_first_token_seconds_count", 1},
                                                     {"weir_time_to_first_token_seconds_sum", 0.1},
                                                     {"weir_inter_token_seconds_count", 3},
                                                     {"weir_inter_token_seconds_sum", 0.06},
                                                     {"weir_prompt_tokens_total", 4},
                                                     {"weir_cached_tokens_total", 2},
                                                     {"weir_generated_tokens_total", 4},
                                                     {"weir_request_prompt_tokens_sum", 4},
                                                     {"weir_request_generated_tokens_sum", 4},
                                                     {"weir_request_max_tokens_sum", 9},
                                                     {"weir_request_queue_seconds_sum", 0.01},
                                                     {"weir_request_prefill_seconds_sum", 0.05},
                                                     {"weir_request_decode_seconds_sum", 0.09},
                                                     {"weir_request_inference_seconds_sum", 0.14},
                                                     {"weir_request_seconds_per_token_sum", 0.03},
                                                     {"weir_request_seconds_sum", 0.16}};
  for (const auto& [name, value] : expected)
    EXPECT_NEAR(fakes::scraped(metrics_, name + std::string("{model=\"bytes\"}")).value_or(-1),
                value, 1e-9)
        << name;
  EXPECT_EQ(
      fakes::scraped(metrics_, "weir_inter_token_seconds_bucket{model=\"bytes\",le=\"0.01\"}"), 0);
  EXPECT_EQ(
      fakes::scraped(metrics_, "weir_inter_token_seconds_bucket{model=\"bytes\",le=\"0.025\"}"), 3);
}

TEST_F(GenerationTest, ATokensTimeIsThatOfItsStepWheneverItIsRead) {
  auto generation = start({.prompts = {"a"}});
  work::Request request = take();
  const TimePoint begin = clock_.now();
  request.reply.start({});
  for (const int64_t ms : {100, 160, 160, 180})
    request.reply.push({.id = 'x', .at = begin + milliseconds(ms)});
  clock_.advance(std::chrono::seconds(5));
  request.reply.finish({.reason = work::FinishReason::length, .prompt_tokens = 2});
  drain(*generation);
  const std::pair<const char*, double> expected[] = {{"weir_time_to_first_token_seconds_sum", 0.1},
                                                     {"weir_inter_token_seconds_count", 3},
                                                     {"weir_inter_token_seconds_sum", 0.08}};
  for (const auto& [name, value] : expected)
    EXPECT_NEAR(fakes::scraped(metrics_, name + std::string("{model=\"bytes\"}")).value_or(-1),
                value, 1e-9)
        << name;
  EXPECT_EQ(
      fakes::scraped(metrics_, "weir_inter_token_seconds_bucket{model=\"bytes\",le=\"0.025\"}"), 1);
}

TEST_F(GenerationTest, ACallerThatWaitsForTheEndIsNotWokenForTokens) {
  auto generation = start({.prompts = {"a"}});
  generation->wait_for_end();
  work::Request request = take();
  const auto bell = generation->wake()->bell;
  push(request, "x");
  EXPECT_FALSE(bell->wait(milliseconds(0)));
  request.reply.finish({.reason = work::FinishReason::length, .prompt_tokens = 2});
  EXPECT_TRUE(bell->wait(milliseconds(0)));
  EXPECT_EQ(text_of(drain(*generation)), "x");
}

TEST_F(GenerationTest, AStopStringIsLookedForInEachTokenAlsoBeforeTheEnd) {
  auto generation = start({.prompts = {"a"}, .sampling = {.stop = {"y"}}});
  generation->wait_for_end();
  work::Request request = take();
  const auto bell = generation->wake()->bell;
  push(request, "x");
  EXPECT_TRUE(bell->wait(milliseconds(0)));
  push(request, "y");
  EXPECT_TRUE(bell->wait(milliseconds(0)));
  drain(*generation);
  EXPECT_TRUE(request.reply.closed());
}

TEST_F(GenerationTest, ItsTimeoutCountsTheTokensThatNobodyHasRead) {
  caller_.timeout = milliseconds(100);
  auto generation = start({.prompts = {"a"}});
  generation->wait_for_end();
  work::Request request = take();
  push(request, "xyz");
  clock_.advance(milliseconds(100));
  auto delta = generation->next(milliseconds(0));
  ASSERT_FALSE(delta);
  EXPECT_EQ(delta.error().message,
            "the request's timeout of 100 ms passed after 3 completion tokens");
}

/// What a bucket of 10,000 tokens has lost, seen by the next request, which takes 2 + 1 itself.
class SettlementTest : public ServedTest {
 protected:
  void SetUp() override {
    ServedTest::SetUp();
    use_key(
        "max_wait = \"0s\"\nlimits = [ { unit = \"tokens\", cap = 10000, window = \"1000000s\" },"
        " { unit = \"requests\", cap = 100, window = \"1000000s\" } ]");
  }
  int spent() { return 10000 - 3 - looked("x-ratelimit-remaining-tokens"); }
  int requests() { return 100 - 1 - looked("x-ratelimit-remaining-requests"); }

 private:
  int looked(const std::string& name) {
    caller_.notes = {};
    auto looking = start({.prompts = {"x"}, .sampling = {.max_tokens = 1}});
    queue_->take_all().clear();  // dropped unanswered: given back in full
    EXPECT_FALSE(looking->next(milliseconds(0)));
    return std::stoi(header(name));
  }
};

TEST_F(SettlementTest, TheReserveIsPaidAheadAndSettledExactly) {
  auto generation = start({.prompts = {"abc"}, .sampling = {.max_tokens = 50}});
  EXPECT_EQ(remaining(), "9946");  // 4 + 50
  work::Request request = take();
  push(request, "01234");
  request.reply.finish({.reason = work::FinishReason::stop});
  drain(*generation);
  EXPECT_EQ(spent(), 9);  // at its end, though the Generation still lives
  EXPECT_EQ(requests(), 1);
}

TEST_F(SettlementTest, TokensPastAStopStringCostNothing) {
  auto generation = start({.prompts = {"abc"}, .sampling = {.stop = {"12"}}});
  work::Request request = take();
  push(request, "0123456789");
  drain(*generation);
  EXPECT_EQ(spent(), 4 + 3);
}

TEST_F(SettlementTest, AnEchoAloneCostsItsPrompt) {
  auto generation = start({.prompts = {"abc"}, .echo = true, .sampling = {.max_tokens = 0}});
  EXPECT_EQ(remaining(), "9996");  // no completion is reserved
  work::Request request = take();
  push(request, "x");
  request.reply.finish({.reason = work::FinishReason::length});
  drain(*generation);
  EXPECT_EQ(spent(), 4);
}

TEST_F(SettlementTest, WhoLeavesPaysThePromptAndTheTokensMade) {
  auto generation = start({.prompts = {"abc"}});
  work::Request request = take();
  push(request, "01");
  ASSERT_TRUE(*generation->next(milliseconds(0)));
  push(request, "2");
  generation.reset();
  EXPECT_EQ(spent(), 4 + 3);
}

TEST_F(SettlementTest, WhoLeavesTheQueuePaysTheRequestOnly) {
  auto generation = start({.prompts = {"abc"}});
  work::Request request = take();
  generation.reset();
  EXPECT_EQ(spent(), 0);
  EXPECT_EQ(requests(), 1);
  generation = start({.prompts = {"abc"}});
  request = take();
  request.reply.start({});
  ASSERT_TRUE(generation->next(milliseconds(0)));
  generation.reset();
  EXPECT_EQ(spent(), 4);
}

TEST_F(SettlementTest, OurFaultBeforeTheFirstTokenCostsNothing) {
  auto generation = start({.prompts = {"abc"}});
  take().reply.fail({.code = Code::overloaded, .message = "shed"});
  EXPECT_FALSE(generation->next(milliseconds(0)));
  EXPECT_EQ(spent(), 0);
  EXPECT_EQ(requests(), 0);
}

TEST_F(SettlementTest, OurFaultAfterItCostsWhatWasMade) {
  auto generation = start({.prompts = {"abc"}});
  work::Request request = take();
  push(request, "01");
  request.reply.fail({.code = Code::internal, .message = "broken"});
  drain(*generation);
  EXPECT_EQ(spent(), 4 + 2);
}

TEST_F(SettlementTest, ADeadlineBeforeTheStartCostsTheRequestOnly) {
  auto generation = start({.prompts = {"abc"}});
  take().reply.fail({.code = Code::deadline, .message = "dropped unstarted"});
  EXPECT_FALSE(generation->next(milliseconds(0)));
  EXPECT_EQ(spent(), 0);
  EXPECT_EQ(requests(), 1);
}

TEST_F(SettlementTest, EachPromptIsARequest) {
  auto generation = start({.prompts = {"a", "b", "c"}, .sampling = {.max_tokens = 2}});
  EXPECT_EQ(remaining(), "9988");  // 3 * (2 + 2)
  auto taken = queue_->take_all();
  for (work::Request& request : taken) {
    push(request, "z");
    request.reply.finish({.reason = work::FinishReason::stop});
  }
  drain(*generation);
  EXPECT_EQ(spent(), 3 * (2 + 1));
  EXPECT_EQ(requests(), 3);
}

TEST_F(SettlementTest, TheQueueTakesAllPromptsOrNoneAndARefusalIsRefunded) {
  restart({}, {.requests = 3, .tokens = 1000});
  use_key(
      "limits = [ { unit = \"tokens\", cap = 10000, window = \"1000000s\" },"
      " { unit = \"requests\", cap = 100, window = \"1000000s\" } ]");
  auto first = start({.prompts = {"a"}});
  auto refused = complete({.prompts = {"a", "b", "c"}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(refused.error().retry_after, milliseconds(2000));
  EXPECT_EQ(queue_->take_all().size(), 1U);
  queue_->release_all();
  EXPECT_THAT(refusals(), ElementsAre(Pair("overloaded", 1)));
  first.reset();
  EXPECT_EQ(spent(), 0);
  EXPECT_EQ(requests(), 1);
}

TEST_F(SettlementTest, ARefusalByTheGateNamesTimeAndLimits) {
  use_key("max_wait = \"1s\"\nlimits = [ { unit = \"requests\", cap = 2, window = \"20s\" } ]");
  auto first = start({.prompts = {"a"}}), second = start({.prompts = {"b"}});
  caller_.notes = {};
  auto refused = complete({.prompts = {"c"}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_limited);
  EXPECT_EQ(refused.error().retry_after, milliseconds(10000));
  EXPECT_EQ(refused.error().limit_unit, "requests");
  EXPECT_EQ(header("x-ratelimit-remaining-requests"), "0");
  EXPECT_EQ(header("x-weir-model"), "bytes");
  EXPECT_THAT(refusals(), ElementsAre(Pair("rate_limited", 1)));
  refused = complete({.prompts = {"1", "2", "3"}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::never_fits);
}

TEST_F(SettlementTest, TheCallersWaitLowersTheKeys) {
  use_key("max_wait = \"100s\"\nlimits = [ { unit = \"requests\", cap = 1, window = \"20s\" } ]");
  auto first = start({.prompts = {"a"}});
  caller_.max_wait = milliseconds(0);
  auto refused = complete({.prompts = {"b"}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_limited);
  caller_.max_wait.reset();
  caller_.timeout = milliseconds(500);  // nor may it wait longer than it has
  refused = complete({.prompts = {"b"}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_limited);
}

}  // namespace
}  // namespace weir::serve
