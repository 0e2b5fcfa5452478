#include "schedule/pace.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::schedule {
namespace {

using namespace std::chrono_literals;

TEST(Pace, LearnsWhatAStepCosts) {
  Pace pace;
  std::mt19937 random(1);
  for (int i = 0; i < 400; ++i) {
    const double prompt = random() % 50;
    const uint32_t rows = static_cast<uint32_t>(random() % 9);
    pace.step(prompt, rows, 0.008 + 0.001 * prompt + 0.002 * rows);
  }
  EXPECT_NEAR(pace.seconds(0, 0), 0.008, 1e-4);
  EXPECT_NEAR(pace.seconds(100, 0), 0.108, 1e-3);
  EXPECT_NEAR(pace.seconds(0, 10), 0.028, 1e-3);
}

TEST(Pace, NoCostIsBelowZero) {
  Pace pace;
  for (int i = 0; i < 400; ++i) pace.step(i % 7, 1, 0.02 - 0.001 * (i % 7));
  EXPECT_GE(pace.seconds(0, 0), 0);
  EXPECT_GE(pace.seconds(1, 0), pace.seconds(0, 0));
  EXPECT_GE(pace.seconds(0, 1), pace.seconds(0, 0));
}

TEST(Pace, OneSlowStepWeighsLittle) {
  Pace pace;
  for (int i = 0; i < 400; ++i) pace.step(0, 1 + i % 8, 0.01);
  pace.step(0, 4, 1);
  EXPECT_NEAR(pace.seconds(0, 4), 0.01, 0.001);
}

TEST(FirstTokens, AreThoseOfTheLast30Seconds) {
  FirstTokens times;
  const TimePoint start{1h};
  EXPECT_EQ(times.p99(start), 0);
  times.add(start, 1);
  times.add(start + 10s, 5);
  EXPECT_EQ(times.p99(start + 30s), 1);  // nobody of two is the slowest of a hundred
  EXPECT_EQ(times.p99(start + 31s), 5);
  EXPECT_EQ(times.p99(start + 41s), 0);
}

TEST(FirstTokens, AreThe1024LatestAtMost) {
  FirstTokens times;
  const TimePoint start{1h};
  for (int i = 0; i < 1024; ++i) times.add(start, 9);
  for (int i = 0; i < 1024; ++i) times.add(start, 2);
  EXPECT_EQ(times.p99(start + 1s), 2);
}

TEST(Running, FollowsFivePercentOfEachValueAfterTheFirst) {
  Running mean;
  EXPECT_EQ(mean.value_or(7), 7);
  EXPECT_EQ(mean.weight(), 0);
  mean.add(10);
  EXPECT_EQ(mean.value_or(7), 10);
  mean.add(20);
  EXPECT_DOUBLE_EQ(mean.value_or(7), 10.5);
  for (int i = 0; i < 500; ++i) mean.add(1);
  EXPECT_EQ(mean.weight(), 100);
}

}  // namespace
}  // namespace weir::schedule
