#include "weir/work/reply.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::work {
namespace {

using namespace std::chrono_literals;

TEST(Reply, GivesEventsInOrderAndNothingAfterTheEnd) {
  auto [reply, reader] = make_reply();
  EXPECT_FALSE(reader.next(0ms));
  reply.push(Token{7});
  reply.push(Token{8});
  reply.finish(Finish{.reason = FinishReason::length, .generated_tokens = 2});
  reply.push(Token{9});
  reply.fail(Error{});
  EXPECT_EQ(std::get<Token>(*reader.next(0ms)).id, 7);
  EXPECT_EQ(std::get<Token>(*reader.next(0ms)).id, 8);
  EXPECT_EQ(std::get<Finish>(*reader.next(0ms)).generated_tokens, 2u);
  EXPECT_FALSE(reader.next(10s));  // returns at once
}

TEST(Reply, AnswersInternalWhenItDies) {
  auto [reply, reader] = make_reply();
  reply.push(Token{1});
  { Reply dying = std::move(reply); }
  EXPECT_EQ(std::get<Token>(*reader.next(0ms)).id, 1);
  EXPECT_EQ(std::get<Error>(*reader.next(0ms)).code, Code::internal);
}

TEST(Reply, AnAssignedOverReplyIsAnswered) {
  auto [reply, reader] = make_reply();
  auto [other, other_reader] = make_reply();
  reply = std::move(other);
  EXPECT_EQ(std::get<Error>(*reader.next(0ms)).code, Code::internal);
  reply.push(Token{3});
  EXPECT_EQ(std::get<Token>(*other_reader.next(0ms)).id, 3);
}

TEST(Reply, SeesThatTheReaderLeft) {
  auto [reply, reader] = make_reply();
  EXPECT_FALSE(reply.closed());
  { ReplyReader leaving = std::move(reader); }
  EXPECT_TRUE(reply.closed());
  reply.push(Token{1});  // goes nowhere
  EXPECT_TRUE(Reply().closed());
}

TEST(Reply, ReaderWaitsForWhatComes) {
  auto [reply, reader] = make_reply();
  std::thread producer([reply = std::move(reply)]() mutable {
    for (int32_t i = 0; i < 1000; ++i) reply.push(Token{i});
    reply.finish({});
  });
  for (int32_t i = 0; i < 1000; ++i) EXPECT_EQ(std::get<Token>(*reader.next(10s)).id, i);
  EXPECT_TRUE(std::holds_alternative<Finish>(*reader.next(10s)));
  producer.join();
}

TEST(Doorbell, PassesOnWhatWasAndWhatComes) {
  Doorbell bell;
  int told = 0;
  bell.ring();
  bell.pass_on([&] { ++told; });
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(bell.wait(0ms));
  EXPECT_FALSE(bell.wait(0ms));
  bell.ring();
  EXPECT_EQ(told, 2);
  bell.pass_on(nullptr);
  bell.ring();
  EXPECT_EQ(told, 2);
}

TEST(Reply, WhatMoreFollowsRingsNoBell) {
  auto bell = std::make_shared<Doorbell>();
  auto [reply, reader] = make_reply(bell);
  reply.push(Token{1}, true);
  EXPECT_FALSE(bell->wait(0ms));
  reply.push(Token{2});
  EXPECT_TRUE(bell->wait(0ms));
  EXPECT_EQ(std::get<Token>(*reader.next(0ms)).id, 1);
  EXPECT_EQ(std::get<Token>(*reader.next(0ms)).id, 2);
}

TEST(Reply, WhatIsNotUrgentRingsNoBell) {
  auto bell = std::make_shared<Doorbell>();
  auto [reply, reader] = make_reply(bell);
  reply.start({});
  reply.push(PromptTokens{{Token{1}}});
  reply.push(Readings{});
  EXPECT_FALSE(bell->wait(0ms));
  reply.finish({});
  EXPECT_TRUE(bell->wait(0ms));
}

TEST(Reply, AReaderThatWaitsForTheEndHearsOnlyTheEnd) {
  for (const bool fails : {false, true}) {
    auto bell = std::make_shared<Doorbell>();
    auto [reply, reader] = make_reply(bell);
    reader.wait_for_end();
    reply.push(Token{1});
    EXPECT_FALSE(bell->wait(0ms));
    EXPECT_EQ(std::get<Token>(*reader.next(0ms)).id, 1);
    fails ? reply.fail(Error{}) : reply.finish({});
    EXPECT_TRUE(bell->wait(0ms));
  }
}

TEST(Reply, OneBellServesSeveral) {
  auto bell = std::make_shared<Doorbell>();
  auto [a, a_reader] = make_reply(bell);
  auto [b, b_reader] = make_reply(bell);
  EXPECT_FALSE(bell->wait(0ms));
  a.push(Token{1});
  EXPECT_TRUE(bell->wait(0ms));
  { Reply dying = std::move(b); }
  EXPECT_TRUE(bell->wait(0ms));
  EXPECT_TRUE(a_reader.next(0ms));
  EXPECT_TRUE(b_reader.next(0ms));
}

}  // namespace
}  // namespace weir::work
