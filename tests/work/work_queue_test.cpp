#include "weir/work/work_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::work {
namespace {

using namespace std::chrono_literals;

std::vector<Request> requests(size_t count, size_t tokens, const std::string& id = "r") {
  std::vector<Request> made(count);
  for (Request& request : made) {
    request.id = id;
    request.prompt.assign(tokens, 1);
  }
  return made;
}

TEST(WorkQueue, TakesAllInOrderAndRingsTheBell) {
  auto bell = std::make_shared<Doorbell>();
  WorkQueue queue({}, bell);
  auto a = requests(2, 1, "a"), b = requests(1, 1, "b");
  ASSERT_TRUE(queue.push(a));
  EXPECT_TRUE(bell->wait(0ms));
  ASSERT_TRUE(queue.push(b));
  EXPECT_TRUE(a.empty());
  auto taken = queue.take_all();
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_EQ(taken[1].id, "a");
  EXPECT_EQ(taken[2].id, "b");
  EXPECT_TRUE(queue.take_all().empty());
}

TEST(WorkQueue, BoundsRequestsOnBothSides) {
  WorkQueue queue({.requests = 3, .tokens = 1000}, nullptr);
  auto two = requests(2, 1);
  ASSERT_TRUE(queue.push(two));
  auto more = requests(2, 1);
  auto refused = queue.push(more);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(more.size(), 2u);  // nothing taken
  auto taken = queue.take_all();
  EXPECT_EQ(queue.waiting(), 2u);  // held until told otherwise
  EXPECT_FALSE(queue.push(more));
  queue.started({"", 5, 1});
  EXPECT_EQ(queue.waiting(), 1u);
  EXPECT_TRUE(queue.push(more));
  EXPECT_EQ(queue.waiting(), 3u);
}

TEST(WorkQueue, ForetellsWhoWouldComeLast) {
  WorkQueue queue({}, nullptr);
  EXPECT_EQ(queue.forecast_last().first_token, 0ms);
  queue.set_outlook({.prompt_tokens_per_s = 100, .seats = 8});
  auto some = requests(3, 20);
  for (Request& request : some) request.client = request.id = "other";
  ASSERT_TRUE(queue.push(some));
  EXPECT_EQ(queue.forecast_last().position, 3u);
  EXPECT_EQ(queue.forecast_last().first_token, 600ms);
}

TEST(WorkQueue, BoundsTokensAndSaysHowMany) {
  WorkQueue queue({.requests = 10, .tokens = 100}, nullptr);
  auto a = requests(1, 60), b = requests(1, 41), huge = requests(1, 101), many = requests(11, 1);
  ASSERT_TRUE(queue.push(a));
  auto refused = queue.push(b);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "tokens that wait for this model: 60; its queue holds 100");
  EXPECT_EQ(queue.push(huge).error().code, Code::invalid_argument);
  EXPECT_EQ(queue.push(many).error().code, Code::invalid_argument);
  auto taken = queue.take_all();
  EXPECT_FALSE(queue.push(b));
  queue.release_all();
  EXPECT_TRUE(queue.push(b));
}

TEST(WorkQueue, ASourceCountsAsPrompt) {
  WorkQueue queue({.requests = 10, .tokens = 100}, nullptr);
  queue.set_outlook({.prompt_tokens_per_s = 10, .seats = 1});
  std::vector<Request> first(1), second(1);
  first[0].source.resize(40);
  first[0].prompt.resize(20);
  second[0].source.resize(41);
  ASSERT_TRUE(queue.push(first));
  EXPECT_EQ(queue.push(second).error().message,
            "tokens that wait for this model: 60; its queue holds 100");
  const auto taken = queue.take_all();
  queue.dropped({taken[0].client, taken[0].level, taken[0].input_tokens()});
  EXPECT_TRUE(queue.push(second));
}

TEST(WorkQueue, RoomIsWhatAPushOfShortRequestsWouldFind) {
  WorkQueue queue({.requests = 3, .tokens = 4}, nullptr);
  auto one = requests(1, 2);
  ASSERT_TRUE(queue.push(one));
  EXPECT_TRUE(queue.room_for({"a"}, 2));
  EXPECT_EQ(queue.room_for({"a"}, 3).error().code, Code::overloaded);
  EXPECT_EQ(queue.room_for({"a"}, 4).error().code, Code::invalid_argument);
  EXPECT_TRUE(queue.room_for({"a", 6}, 3));  // what waits is on a lower level
  EXPECT_EQ(queue.waiting(), 1u);            // nothing was taken
  WorkQueue narrow({.requests = 10, .tokens = 4}, nullptr);
  auto other = requests(1, 2);
  ASSERT_TRUE(narrow.push(other));
  EXPECT_TRUE(narrow.room_for({"a"}, 2));  // of one token each
  EXPECT_EQ(narrow.room_for({"a"}, 3).error().code, Code::overloaded);
}

TEST(WorkQueue, AFullQueueLetsInWhatLowerLevelsMakeRoomFor) {
  WorkQueue queue({.requests = 3, .tokens = 100}, nullptr);
  auto low = requests(2, 10), same = requests(1, 10);
  low[0].priority = low[1].priority = 4;
  ASSERT_TRUE(queue.push(low));
  ASSERT_TRUE(queue.push(same));
  auto lowest = requests(1, 10), some = requests(2, 10), many = requests(3, 10),
       mixed = requests(2, 10);
  lowest[0].priority = mixed[1].priority = 4;
  EXPECT_FALSE(queue.push(lowest));
  EXPECT_FALSE(queue.push(many));   // two could be shed for them
  EXPECT_FALSE(queue.push(mixed));  // the lowest of them counts
  EXPECT_TRUE(queue.push(some));
  EXPECT_EQ(queue.excess().requests, 2u);
  EXPECT_EQ(queue.excess().tokens, 0u);
  queue.dropped({"", 4, 10});
  EXPECT_EQ(queue.excess().requests, 1u);
  EXPECT_EQ(queue.waiting(), 4u);
}

TEST(WorkQueue, ARequestIsToldItsLevelAndItsWaitWithoutTheLateness) {
  WorkQueue queue({}, nullptr);
  queue.set_outlook({.seats = 1, .taken = 1, .seat_seconds = 3, .free_in = {2}, .lateness = 2});
  EXPECT_EQ(queue.forecast({"a"}, 1).wait, 4s);
  auto one = requests(1, 1);
  one[0].priority = 7;
  ASSERT_TRUE(queue.push(one));
  const auto taken = queue.take_all();
  EXPECT_EQ(taken[0].foretold, 2s);
  EXPECT_EQ(taken[0].level, 7u);
}

TEST(WorkQueue, OneThatWaitsIsNotBeforeItself) {
  WorkQueue queue({}, nullptr);
  queue.set_outlook({.prompt_tokens_per_s = 10, .seats = 9});
  auto first = requests(2, 10), second = requests(1, 10);
  first[0].client = first[1].client = second[0].client = "a";
  ASSERT_TRUE(queue.push(first));
  EXPECT_EQ(queue.forecast_waiting({"a"}, 20, 2).position, 0u);
  EXPECT_EQ(queue.forecast_waiting({"a"}, 20, 2).wait, 0ms);
  ASSERT_TRUE(queue.push(second));
  EXPECT_EQ(queue.forecast_waiting({"a"}, 10, 1).position, 2u);
  EXPECT_EQ(queue.forecast_waiting({"a"}, 10, 1).wait, 2s);
}

TEST(WorkQueue, AfterAReleaseOnlyWhatIsHereWaits) {
  WorkQueue queue({}, nullptr);
  auto taken = requests(2, 1), here = requests(1, 1);
  ASSERT_TRUE(queue.push(taken));
  EXPECT_EQ(queue.take_all().size(), 2u);
  ASSERT_TRUE(queue.push(here));
  queue.release_all();
  EXPECT_EQ(queue.waiting(), 1u);
}

TEST(WorkQueue, AClientThatRunsCountsUntilItsRequestEnded) {
  WorkQueue queue({}, nullptr);
  queue.set_outlook({.seats = 2, .taken = 2, .seat_seconds = 3, .free_in = {1, 2}});
  auto one = requests(1, 1);
  one[0].client = "other";
  ASSERT_TRUE(queue.push(one));
  queue.started({"other", 5, 1});
  EXPECT_EQ(queue.forecast({"a"}, 1).wait, 0ms);  // the other client makes way
  queue.ended("other");
  EXPECT_EQ(queue.forecast({"a"}, 1).wait, 1s);
}

TEST(WorkQueue, ClosedTakesNoMore) {
  WorkQueue queue({}, nullptr);
  auto a = requests(1, 1), b = requests(1, 1);
  ASSERT_TRUE(queue.push(a));
  queue.close();
  EXPECT_EQ(queue.push(b).error().code, Code::unavailable);
  EXPECT_EQ(b.size(), 1u);
  EXPECT_EQ(queue.take_all().size(), 1u);
}

TEST(WorkQueue, ManyPushersLoseNothing) {
  WorkQueue queue({.requests = 100000}, std::make_shared<Doorbell>());
  std::vector<std::thread> pushers;
  for (int t = 0; t < 4; ++t)
    pushers.emplace_back([&queue] {
      for (int i = 0; i < 500; ++i) {
        auto one = requests(1, 1);
        ASSERT_TRUE(queue.push(one));
      }
    });
  size_t taken = 0;
  while (taken < 2000) {
    taken += queue.take_all().size();
    queue.release_all();
    std::this_thread::yield();
  }
  for (auto& pusher : pushers) pusher.join();
  EXPECT_EQ(queue.waiting(), 0u);
}

}  // namespace
}  // namespace weir::work
