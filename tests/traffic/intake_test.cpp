/// The work before the gate: who goes next, what finds room, and where it runs.
#include "weir/traffic/intake.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <thread>

#include "fakes/fake_clock.h"
#include "fakes/scraped.h"
#include "traffic/intake_line.h"
#include "traffic/intake_room.h"

namespace weir::traffic {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kOtherAllocator = true;
#else
constexpr bool kOtherAllocator = false;
#endif

/// A line whose waiters are named by client and size, as "a:100".
class IntakeLineTest : public testing::Test {
 protected:
  IntakeLine::Waiter& join(const std::string& client, size_t bytes, double weight = 1) {
    waiters_.push_back({.client = client, .weight = weight, .bytes = bytes, .since = now_});
    line_.join(waiters_.back());
    return waiters_.back();
  }
  std::vector<std::string> order() {
    std::vector<std::string> names;
    while (const IntakeLine::Waiter* next = line_.next())
      names.push_back(next->client + ':' + std::to_string(next->bytes));
    return names;
  }

  IntakeLine line_;
  std::deque<IntakeLine::Waiter> waiters_;
  TimePoint now_{std::chrono::hours(1)};
};

TEST_F(IntakeLineTest, ManyOfOneClientDoNotKeepAnotherWaiting) {
  for (int i = 0; i < 4; ++i) join("a", 100);
  join("b", 100);
  join("b", 100);
  EXPECT_THAT(order(), ElementsAre("a:100", "b:100", "a:100", "b:100", "a:100", "a:100"));
}

TEST_F(IntakeLineTest, BytesCountNotRequests) {
  for (int i = 0; i < 2; ++i) join("a", 1000);
  for (int i = 0; i < 4; ++i) join("b", 400);
  EXPECT_THAT(order(), ElementsAre("a:1000", "b:400", "b:400", "b:400", "a:1000", "b:400"));
}

TEST_F(IntakeLineTest, AWeightIsAShare) {
  for (int i = 0; i < 2; ++i) join("a", 100);
  for (int i = 0; i < 4; ++i) join("b", 100, 2);
  EXPECT_THAT(order(), ElementsAre("a:100", "b:100", "b:100", "a:100", "b:100", "b:100"));
}

TEST_F(IntakeLineTest, AClientsShortRequestsGoFirstButOvertakeAnOldOneNoMore) {
  join("a", 5000);
  join("a", 10);
  now_ += microseconds(4000);
  join("a", 900);
  now_ += microseconds(2000);
  join("a", 20);
  EXPECT_THAT(order(), ElementsAre("a:10", "a:900", "a:5000", "a:20"));
}

TEST_F(IntakeLineTest, WhatWorkCostIsChargedNotWhatWasExpected) {
  join("a", 100);
  const IntakeLine::Waiter first = *line_.next();
  join("a", 100);
  join("b", 100);
  join("b", 101);
  line_.settle(first, microseconds(350));  // b's 100 and 101 come before 350
  EXPECT_THAT(order(), ElementsAre("b:100", "b:101", "a:100"));
}

TEST_F(IntakeLineTest, NothingIsGainedByHavingBeenIdle) {
  for (int i = 0; i < 3; ++i) join("a", 100);
  line_.next();
  line_.next();
  join("b", 100);
  join("b", 100);
  join("b", 100);
  // Had b saved up what a took, it would go twice before a.
  EXPECT_THAT(order(), ElementsAre("b:100", "a:100", "b:100", "b:100"));
}

TEST_F(IntakeLineTest, WhoLeavesIsNotTaken) {
  join("a", 100);
  const IntakeLine::Waiter& leaver = join("b", 50);
  line_.leave(leaver);
  line_.leave(leaver);
  EXPECT_EQ(line_.waiting(), 1U);
  EXPECT_THAT(order(), ElementsAre("a:100"));
  EXPECT_EQ(line_.waiting(), 0U);
}

TEST_F(IntakeLineTest, ClientsThatAreOverAreForgotten) {
  for (int i = 0; i < 1000; ++i) {
    join(std::to_string(i), 10);
    line_.next();
    join("steady", 10);
    line_.next();
  }
  EXPECT_LT(line_.clients(), 200U);
}

class IntakeRoomTest : public testing::Test {
 protected:
  bool take(const std::string& client, size_t bytes, size_t from = 0) {
    return static_cast<bool>(room_.grow(client, {.from = from, .to = bytes}));
  }
  const IntakeOptions options_{.unasked_bytes = 10, .room_bytes = 1000};
  IntakeRoom room_{options_};
};

TEST_F(IntakeRoomTest, AClientTakesNoMoreThanItLeaves) {
  EXPECT_TRUE(take("a", 250));
  EXPECT_TRUE(take("a", 250));
  EXPECT_FALSE(take("a", 11));
  EXPECT_TRUE(take("b", 250));
  EXPECT_FALSE(take("b", 11));
  EXPECT_TRUE(take("c", 125));
  EXPECT_EQ(room_.bytes(), 875U);
  room_.give_back("a", 250);
  EXPECT_TRUE(take("b", 50));
}

TEST_F(IntakeRoomTest, OneRequestMayTakeWhatIsFree) {
  EXPECT_TRUE(take("a", 1000));
  EXPECT_FALSE(take("b", 11));
  EXPECT_TRUE(take("b", 10));  // what is small always has room
  room_.give_back("a", 1000);
  room_.give_back("b", 10);
  EXPECT_EQ(room_.bytes(), 0U);
  EXPECT_FALSE(take("a", 1001));
}

TEST_F(IntakeRoomTest, ARequestGrowsWhileItIsRead) {
  EXPECT_TRUE(take("a", 400));
  EXPECT_TRUE(take("a", 900, 400));
  EXPECT_FALSE(take("a", 1100, 900));
  EXPECT_EQ(room_.bytes(), 900U);
}

TEST_F(IntakeRoomTest, ARefusalSaysTheNumbers) {
  EXPECT_TRUE(take("a", 300));
  EXPECT_TRUE(take("b", 200));
  const auto refused = room_.grow("b", {.from = 0, .to = 600});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(refused.error().retry_after, milliseconds(2000));
  EXPECT_EQ(refused.error().message,
            "no room for a body of 600 bytes: requests that are being read hold 500 of 1000, 200 "
            "of them this client's");
}

class IntakeTest : public testing::Test {
 protected:
  IntakeVisit visit(const std::string& name, size_t bytes) {
    auto key = std::make_shared<Key>();
    key->name = name;
    IntakeVisit made = intake_.visit(std::move(key));
    EXPECT_TRUE(made.hold(bytes));
    return made;
  }
  void until(const std::function<bool(IntakeLoad)>& holds) const {
    for (int look = 0; look < 5000 && !holds(intake_.load()); ++look)
      std::this_thread::sleep_for(milliseconds(2));
    EXPECT_TRUE(holds(intake_.load()));
  }

  fakes::FakeClock clock_;
  Registry metrics_;
  Intake intake_{{.turns = 1, .short_bytes = 100}, clock_, metrics_};
};

TEST_F(IntakeTest, ShortWorkRunsInPlaceAndLongWorkInAThreadOfLowPriority) {
  std::thread::id ran_in;
  int nice = 0;
  const auto look = [&] {
    ran_in = std::this_thread::get_id();
    nice = getpriority(PRIO_PROCESS, 0);
  };
  const int own = getpriority(PRIO_PROCESS, 0);
  auto small = visit("a", 100);
  ASSERT_TRUE(small.enter({}));
  small.run(look);
  EXPECT_EQ(ran_in, std::this_thread::get_id());
  auto large = visit("a", 101);
  ASSERT_TRUE(large.enter({}));
  large.run(look);
  EXPECT_NE(ran_in, std::this_thread::get_id());
  EXPECT_EQ(nice, std::min(19, std::max(own, 5)));
  large.leave();
  large.run(look);
  EXPECT_EQ(ran_in, std::this_thread::get_id());
}

TEST_F(IntakeTest, LongWorkKeepsNoShortWorkWaiting) {
  auto large = visit("a", 1000), small = visit("b", 10);
  ASSERT_TRUE(large.enter({}));
  EXPECT_TRUE(small.enter({}));
}

TEST_F(IntakeTest, WhatWorkThrowsReachesTheCaller) {
  auto large = visit("a", 1000);
  ASSERT_TRUE(large.enter({}));
  EXPECT_THROW(large.run([] { throw std::runtime_error("x"); }), std::runtime_error);
  bool ran = false;
  large.run([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST_F(IntakeTest, AtMostSoManyRunAndTheRestWaitInLine) {
  auto first = visit("a", 10);
  ASSERT_TRUE(first.enter({}));
  std::atomic<int> through = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&, mine = visit("b", 10)]() mutable {
      EXPECT_TRUE(mine.enter({}));
      EXPECT_EQ(intake_.load().running, 1U);
      ++through;
    });
  until([](IntakeLoad load) { return load.waiting == 3; });
  EXPECT_EQ(through, 0);
  EXPECT_EQ(intake_.load().bytes, 40U);
  first.leave();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(through, 3);
  EXPECT_EQ(intake_.load().running, 0U);
  EXPECT_EQ(intake_.load().waiting, 0U);
}

TEST_F(IntakeTest, TheMetricsTellWhatItHoldsAndWhatItRefused) {
  auto first = visit("a", 10), second = visit("b", 30);
  ASSERT_TRUE(first.enter({}));
  std::thread waits([&] { EXPECT_TRUE(second.enter({})); });
  until([](IntakeLoad load) { return load.waiting == 1; });
  EXPECT_EQ(fakes::scraped(metrics_, "weir_intake_waiting"), 1);
  EXPECT_EQ(fakes::scraped(metrics_, "weir_intake_running"), 1);
  EXPECT_EQ(fakes::scraped(metrics_, "weir_intake_bytes"), 40);
  EXPECT_EQ(fakes::scraped(metrics_, "weir_intake_refused_total"), 0);
  EXPECT_FALSE(first.hold(size_t{1} << 40));
  EXPECT_EQ(fakes::scraped(metrics_, "weir_intake_refused_total"), 1);
  first.leave();
  waits.join();
}

TEST_F(IntakeTest, WhoseClientLeftLeavesTheLine) {
  auto first = visit("a", 1000);
  ASSERT_TRUE(first.enter({}));
  {
    auto second = visit("a", 1000);
    const auto entered = second.enter({.gone = [] { return true; }, .deadline = {}});
    ASSERT_FALSE(entered);
    EXPECT_EQ(entered.error().code, Code::cancelled);
    EXPECT_EQ(intake_.load().waiting, 0U);
  }
  EXPECT_EQ(intake_.load().bytes, 1000U);
  EXPECT_EQ(intake_.load().running, 1U);
}

TEST_F(IntakeTest, ADeadlineEndsTheWait) {
  auto first = visit("a", 1000);
  ASSERT_TRUE(first.enter({}));
  auto second = visit("b", 1000);
  const auto entered = second.enter({.gone = nullptr, .deadline = clock_.now()});
  ASSERT_FALSE(entered);
  EXPECT_EQ(entered.error().code, Code::deadline);
  EXPECT_EQ(intake_.load().waiting, 0U);
}

uint64_t resident_bytes() {
  uint64_t all = 0, resident = 0;  // pages
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

TEST_F(IntakeTest, WhatALargeBodyLeftInTheAllocatorGoesBackToTheSystem) {
  if (kOtherAllocator) GTEST_SKIP() << "a sanitizer's allocator keeps what is freed";
  constexpr size_t kBlock = size_t{32} << 10, kBlocks = 2048, kAll = kBlock * kBlocks;
  std::vector<std::unique_ptr<char[]>> blocks;
  for (size_t i = 0; i < kBlocks; ++i) blocks.push_back(std::make_unique<char[]>(kBlock));
  const std::unique_ptr<char[]> last = std::make_unique<char[]>(kBlock);  // the heap ends behind it
  blocks.clear();
  const uint64_t before = resident_bytes();
  const auto is_given_back = [&] { return resident_bytes() + kAll / 2 < before; };
  EXPECT_FALSE(is_given_back());
  visit("a", size_t{1} << 20);  // and gone
  for (int look = 0; look < 1500 && !is_given_back(); ++look)
    std::this_thread::sleep_for(milliseconds(20));
  EXPECT_TRUE(is_given_back());
}

TEST_F(IntakeTest, WhoDiesGivesBackItsTurnAndItsRoom) {
  {
    auto large = visit("a", 1000);
    ASSERT_TRUE(large.enter({}));
    EXPECT_EQ(intake_.load().running, 1U);
  }
  EXPECT_EQ(intake_.load().running, 0U);
  EXPECT_EQ(intake_.load().bytes, 0U);
}

}  // namespace
}  // namespace weir::traffic
