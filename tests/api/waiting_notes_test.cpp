// When a client that waits is told where it stands.
#include "api/answer/waiting_notes.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

namespace weir::api {
namespace {

using std::chrono::milliseconds;
using Line = serve::PlaceInLine::Which;

class Notes : public testing::Test {
 protected:
  std::string said(std::optional<serve::PlaceInLine> standing, int at_ms) {
    return notes_.note(standing, start_ + milliseconds(at_ms));
  }
  bool due(int at_ms) const { return notes_.due(start_ + milliseconds(at_ms)); }

  WaitingNotes notes_;
  const TimePoint start_{std::chrono::hours(1)};
};

TEST_F(Notes, OfTheGateAtOnce) {
  EXPECT_TRUE(due(0));
  EXPECT_EQ(said({{Line::gate, 3, milliseconds(420)}}, 0), "waiting place=3 wait_ms=420 line=gate");
  EXPECT_FALSE(due(249));
  EXPECT_TRUE(due(250));
}

TEST_F(Notes, WhatWasForetoldIsNoNews) {
  said({{Line::gate, 1, milliseconds(10'000)}}, 0);
  EXPECT_EQ(said({{Line::gate, 1, milliseconds(9'000)}}, 1000), "");
  EXPECT_EQ(said({{Line::gate, 1, milliseconds(10'500)}}, 1000), "");
  EXPECT_EQ(said({{Line::gate, 1, milliseconds(12'000)}}, 1000),
            "waiting place=1 wait_ms=12000 line=gate");
  EXPECT_EQ(said({{Line::gate, 1, milliseconds(11'750)}}, 1250), "");
}

TEST_F(Notes, APlaceAheadOrAnotherLineIs) {
  said({{Line::gate, 3, milliseconds(900)}}, 0);
  EXPECT_EQ(said({{Line::gate, 2, milliseconds(600)}}, 300),
            "waiting place=2 wait_ms=600 line=gate");
  EXPECT_EQ(said({{Line::queue, 2, milliseconds(300)}}, 600),
            "waiting place=2 wait_ms=300 line=queue");
  EXPECT_EQ(said(std::nullopt, 900), "");
}

TEST_F(Notes, ALongWaitIsLookedAtLessOften) {
  EXPECT_NE(said({{Line::queue, 40, milliseconds(30'000)}}, 0), "");
  EXPECT_TRUE(due(250));
  EXPECT_NE(said({{Line::queue, 39, milliseconds(24'000)}}, 250), "");
  EXPECT_FALSE(due(250 + 2'999));
  EXPECT_TRUE(due(250 + 3'000));
  said({{Line::queue, 39, milliseconds(600'000)}}, 4'000);
  EXPECT_FALSE(due(4'000 + 14'999));
  EXPECT_TRUE(due(4'000 + 15'000));
  said({{Line::queue, 2, milliseconds(900)}}, 20'000);
  EXPECT_TRUE(due(20'000 + 1'000));
}

TEST_F(Notes, AQueueThatIsSoonPassedIsNotSpokenOf) {
  EXPECT_EQ(said({{Line::queue, 1, milliseconds(5)}}, 0), "");
  EXPECT_EQ(said({{Line::queue, 1, milliseconds(5)}}, 250), "waiting place=1 wait_ms=5 line=queue");
}

TEST_F(Notes, ALongQueueIsSpokenOfAtOnce) {
  EXPECT_EQ(said({{Line::queue, 9, milliseconds(900)}}, 0),
            "waiting place=9 wait_ms=900 line=queue");
}

}  // namespace
}  // namespace weir::api
