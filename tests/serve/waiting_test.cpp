// Requests that stand in line at the gate, are refused on their way, or are only asked about.
#include "served.h"
#include "weir/serve/client_looks.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class WaitingTest : public ServedTest {
 protected:
  /// One request in 20 s; the first has taken it.
  void SetUp() override {
    ServedTest::SetUp();
    limit("max_wait = \"100s\"");
  }
  void limit(const std::string& more) {
    use_key(more + "\nlimits = [ { unit = \"requests\", cap = 1, window = \"20s\" } ]");
  }
  std::unique_ptr<Generation> first() {
    auto generation = start({.prompts = {"a"}});
    taken_ = take();
    return generation;
  }

  void fill_queue() {
    std::vector<work::Request> others(1);
    others[0].prompt = {1};
    ASSERT_TRUE(queue_->push(others));
  }

  work::Request taken_;
};

TEST_F(WaitingTest, ItIsToldWhereItStandsAndGoesOn) {
  auto running = first();
  EXPECT_EQ(header("x-weir-queue-position"), "(none)");
  caller_.notes = {};
  auto waiting = start({.prompts = {"bc"}, .sampling = {.max_tokens = 3}});
  EXPECT_EQ(header("x-weir-queue-position"), "1");
  EXPECT_EQ(header("x-weir-predicted-wait-ms"), "20000");
  EXPECT_EQ(waiting->model(), "bytes");
  EXPECT_EQ(waiting->prompts().at(0).size(), 3U);
  EXPECT_FALSE(waiting->done());

  auto standing = waiting->standing();
  ASSERT_TRUE(standing);
  EXPECT_EQ(standing->line, PlaceInLine::Which::gate);
  EXPECT_EQ(standing->place, 1U);
  EXPECT_EQ(standing->wait, milliseconds(20'000));
  clock_.advance(milliseconds(5'000));
  EXPECT_EQ(waiting->standing()->wait, milliseconds(15'000));
  auto nothing = waiting->next(milliseconds(0));
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  EXPECT_EQ(queue_->waiting(), 0U);

  clock_.advance(milliseconds(15'000));
  nothing = waiting->next(milliseconds(0));
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
  work::Request request = take();
  EXPECT_EQ(request.prompt.size(), 3U);
  EXPECT_EQ(request.arrival, clock_.now());
  request.reply.start({});
  push(request, "xyz");
  request.reply.finish({.reason = work::FinishReason::length, .prompt_tokens = 3});
  EXPECT_EQ(text_of(drain(*waiting)), "xyz");
  EXPECT_TRUE(waiting->done());
  EXPECT_FALSE(waiting->standing());
  EXPECT_THAT(refusals(), IsEmpty());
}

TEST_F(WaitingTest, ACallerThatWaitsForTheEndDoesSoBehindTheLineToo) {
  auto running = first();
  auto waiting = start({.prompts = {"b"}});
  waiting->wait_for_end();
  clock_.advance(milliseconds(20'000));
  ASSERT_TRUE(waiting->next(milliseconds(0)));
  work::Request request = take();
  const auto bell = waiting->wake()->bell;
  push(request, "x");
  EXPECT_FALSE(bell->wait(milliseconds(0)));
}

TEST_F(WaitingTest, LeavingTheLineCostsNothing) {
  auto running = first();
  auto waiting = start({.prompts = {"b"}}), behind = start({.prompts = {"c"}});
  EXPECT_EQ(behind->standing()->wait, milliseconds(40'000));
  waiting.reset();
  EXPECT_THAT(refusals(), ElementsAre(Pair("cancelled", 1)));
  EXPECT_EQ(gate_.waiting(), 1U);
  EXPECT_EQ(behind->standing()->wait, milliseconds(20'000));
}

TEST_F(WaitingTest, ARefusalInLineIsItsEnd) {
  auto running = first();
  auto waiting = start({.prompts = {"b"}});
  gate_.close();
  auto refused = waiting->next(milliseconds(0));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_TRUE(waiting->done());
  EXPECT_FALSE(waiting->standing());
  EXPECT_THAT(refusals(), ElementsAre(Pair("unavailable", 1)));
}

TEST_F(WaitingTest, AFullQueueBehindTheGateRefunds) {
  restart({}, {.requests = 1, .tokens = 1000});
  limit("max_wait = \"100s\"");
  auto running = first();
  auto waiting = start({.prompts = {"b"}});
  fill_queue();
  clock_.advance(milliseconds(20'000));
  auto refused = waiting->next(milliseconds(0));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(refused.error().queue_position, 2U);
  EXPECT_TRUE(refused.error().predicted_wait);
  EXPECT_THAT(refusals(), ElementsAre(Pair("overloaded", 1)));
  auto quote = dry_run(CompletionRequest{.prompts = {"x"}}, caller_);
  ASSERT_TRUE(quote);
  EXPECT_EQ(quote->limits.at(0).remaining, 1);  // given back
  ASSERT_TRUE(quote->refusal);
  EXPECT_EQ(quote->refusal->code, Code::overloaded);
}

TEST_F(WaitingTest, AFullQueueIsKnownBeforeThePromptIsLookedAt) {
  restart({}, {.requests = 1, .tokens = 1000});
  caller_ = caller();
  fill_queue();
  auto refused = complete({.prompts = {std::string(70, 'x')}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);  // not: too long
  EXPECT_EQ(refused.error().retry_after, milliseconds(2000));
  auto vectors = embed({.inputs = {"a", "b"}}, caller_);
  ASSERT_FALSE(vectors);
  EXPECT_EQ(vectors.error().code, Code::invalid_argument);  // another time it would not fit either
  EXPECT_EQ(vectors.error().message, "inputs in one request: 2; this model's queue holds 1");
}

TEST_F(WaitingTest, InTheQueueItIsToldItsPlaceUntilItBegins) {
  use_key("");
  fill_queue();
  auto ahead = start({.prompts = {"a"}}), waiting = start({.prompts = {"b"}});
  ASSERT_TRUE(waiting->standing());
  EXPECT_EQ(waiting->standing()->line, PlaceInLine::Which::queue);
  EXPECT_EQ(waiting->standing()->place, 3U);
  auto behind = start({.prompts = {"c"}});
  EXPECT_EQ(waiting->standing()->place, 3U);
  EXPECT_EQ(behind->standing()->place, 4U);
  auto requests = queue_->take_all();
  for (size_t i : {0U, 1U}) {
    const work::Request& request = requests[i];
    queue_->started({request.client, request.level, request.prompt.size()});
  }
  EXPECT_EQ(behind->standing()->place, 2U);
  EXPECT_EQ(waiting->standing()->place, 2U);  // seen from behind, it cannot be told apart
  requests[2].reply.start({});
  ASSERT_TRUE(waiting->next(milliseconds(0)));
  EXPECT_FALSE(waiting->standing());
}

TEST_F(WaitingTest, InTheQueueNobodyWaitsForItself) {
  work::Outlook slow;
  slow.seats = 4;
  slow.prompt_tokens_per_s = 1;
  queue_->set_outlook(slow);
  use_key("");
  auto first = start({.prompts = {"a long one"}});
  ASSERT_TRUE(first->standing());
  EXPECT_EQ(first->standing()->place, 1U);
  EXPECT_EQ(first->standing()->wait, milliseconds(0));
  auto second = start({.prompts = {"b"}});
  EXPECT_EQ(second->standing()->place, 2U);
  EXPECT_GE(second->standing()->wait, milliseconds(1'000));
}

TEST_F(WaitingTest, WhatWouldComeTooLateIsRefusedAtOnce) {
  work::Outlook slow;
  slow.seats = slow.taken = 1;
  slow.seat_seconds = 10;
  slow.free_in = {10};
  queue_->set_outlook(slow);
  use_key("");
  const auto wait = queue_->forecast({"web", 5}, 2).wait;
  ASSERT_GE(wait, milliseconds(9'000));
  caller_.timeout = wait - milliseconds(1'500);
  auto refused = complete({.prompts = {"a"}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(refused.error().retry_after, milliseconds(1'500));
  EXPECT_EQ(refused.error().queue_position, 1U);
  EXPECT_EQ(refused.error().predicted_wait, wait);
  EXPECT_THAT(refusals(), ElementsAre(Pair("overloaded", 1)));
  caller_.timeout = wait;
  EXPECT_TRUE(complete({.prompts = {"a"}}, caller_));
}

TEST_F(WaitingTest, TheRequestMayLowerItsPriorityOnly) {
  use_key("priority = 6");
  auto plain = start({.prompts = {"a"}});
  EXPECT_EQ(take().priority, 6);
  caller_.priority = 2;
  auto lower = start({.prompts = {"a"}});
  EXPECT_EQ(take().priority, 2);
  caller_.priority = 9;
  auto higher = start({.prompts = {"a"}});
  EXPECT_EQ(take().priority, 6);
}

TEST_F(WaitingTest, ADryRunOfAChatSaysAllAndTakesNothing) {
  use_key(
      "max_wait = \"1s\"\nlimits = [ { unit = \"tokens\", cap = 100, window = \"100s\" },"
      " { unit = \"requests\", cap = 2, window = \"20s\" } ]");
  ChatRequest chat{.model = "bytes",
                   .messages = R"([{"role":"user","content":"hi"}])",
                   .sampling = {.max_tokens = 5}};
  for (int i = 0; i < 3; ++i) {
    auto dry = dry_run(chat, caller_);
    ASSERT_TRUE(dry) << dry.error().message;
    EXPECT_EQ(dry->model, "bytes");
    ASSERT_EQ(dry->prompts.size(), 1U);
    EXPECT_EQ(dry->prompts[0].text, "<bos>user:hi<turn>bot:");
    EXPECT_EQ(dry->prompts[0].tokens.size(), 13U);
    EXPECT_EQ(dry->requests, 1);
    EXPECT_EQ(dry->input_tokens, 13);
    EXPECT_EQ(dry->output_tokens, 5);
    ASSERT_EQ(dry->limits.size(), 2U);
    EXPECT_EQ(dry->limits[0].owner, "key web");
    EXPECT_EQ(dry->limits[0].unit, "tokens");
    EXPECT_EQ(dry->limits[0].window, "100s");
    EXPECT_EQ(dry->limits[0].remaining, 100);
    EXPECT_EQ(dry->limits[1].unit, "requests");
    EXPECT_EQ(dry->limits[1].remaining, 2);
    EXPECT_EQ(dry->queue_position, 1U);
    EXPECT_FALSE(dry->refusal);
  }
  EXPECT_EQ(queue_->waiting(), 0U);
  EXPECT_EQ(gate_.waiting(), 0U);
  EXPECT_THAT(refusals(), IsEmpty());
}

TEST_F(WaitingTest, ADryRunSaysWhatTheGateWouldSay) {
  auto running = first();
  auto dry = dry_run(CompletionRequest{.prompts = {bytes_of("ab")}}, caller_);
  ASSERT_TRUE(dry);
  EXPECT_EQ(dry->prompts.at(0).text, "ab");
  EXPECT_EQ(dry->gate_wait, milliseconds(20'000));
  EXPECT_FALSE(dry->refusal);
  caller_.max_wait = milliseconds(0);
  dry = dry_run(CompletionRequest{.prompts = {"ab"}}, caller_);
  ASSERT_TRUE(dry);
  ASSERT_TRUE(dry->refusal);
  EXPECT_EQ(dry->refusal->code, Code::rate_limited);
  EXPECT_EQ(dry->limits.at(0).remaining, 0);
}

TEST_F(WaitingTest, ADryRunOfAWrongRequestIsAnError) {
  auto dry = dry_run(CompletionRequest{.prompts = {std::string(70, 'x')}}, caller_);
  ASSERT_FALSE(dry);
  EXPECT_EQ(dry.error().code, Code::invalid_argument);
  dry = dry_run(EmbeddingRequest{.model = "bytes", .inputs = {"a"}}, caller_);
  ASSERT_FALSE(dry);
  EXPECT_EQ(dry.error().param, "model");
}

TEST(ClientLooks, BecomeRarerUpToABound) {
  ClientLooks looks;
  EXPECT_EQ(looks.next(), ClientLooks::kFirst);
  EXPECT_EQ(looks.next(), 2 * ClientLooks::kFirst);
  for (int i = 0; i < 10; ++i) EXPECT_LE(looks.next(), ClientLooks::kMost);
  EXPECT_EQ(looks.next(), ClientLooks::kMost);
}

}  // namespace
}  // namespace weir::serve
