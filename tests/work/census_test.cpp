#include "work/census.h"

#include <gtest/gtest.h>

namespace weir::work {
namespace {

TEST(Census, ClientsTakeTurnsAndHigherLevelsGoFirst) {
  Census census;
  for (int i = 0; i < 10; ++i) census.arrive("A", 5, 1, 100);
  census.arrive("B", 5, 1, 100);
  census.arrive("C", 7, 1, 40);
  EXPECT_EQ(census.ahead("D", 5, 1).requests, 3u);  // C, and the first of A and of B
  EXPECT_EQ(census.ahead("D", 5, 1).tokens, 240u);
  EXPECT_EQ(census.ahead("B", 5, 1).requests, 4u);  // its own first, two of A, C
  EXPECT_EQ(census.ahead("B", 5, 1).own, 1u);
  EXPECT_EQ(census.ahead("A", 5, 1).requests, 12u);
  EXPECT_EQ(census.ahead("A", 9, 1).requests, 0u);
  EXPECT_EQ(census.ahead("D", 5, 1).clients, 4u);
  EXPECT_EQ(census.waiting_below(7).requests, 11u);
  census.run("A");
  census.leave("A", 5, 100);
  EXPECT_EQ(census.ahead("A", 5, 1).running, 1u);
  EXPECT_EQ(census.ahead("A", 5, 1).own, 9u);
}

TEST(Census, AClientThatIsChargedLessHasMoreOfTheTurns) {
  Census census;
  for (int i = 0; i < 10; ++i) census.arrive("A", 5, 1, 1);
  for (int i = 0; i < 6; ++i) census.arrive("B", 5, 0.25, 1);
  EXPECT_EQ(census.ahead("B", 5, 0.25).requests, 8u);  // served 6 times 0.25: A's at 0 and 1
  EXPECT_EQ(census.ahead("A", 5, 1).requests, 16u);
  for (int i = 0; i < 7; ++i) census.leave("A", 5, 1);
  EXPECT_EQ(census.ahead("A", 5, 1).requests, 9u);  // served 3, B 1.25 before its last
  EXPECT_EQ(census.ahead("C", 5, 1).requests, 2u);
}

TEST(Census, WithoutChargesOnlyLevelAndAgeCount) {
  Census census;
  for (int i = 0; i < 10; ++i) census.arrive("A", 5, 0, 1);
  census.arrive("B", 4, 0, 1);
  census.arrive("C", 6, 0, 1);
  EXPECT_EQ(census.ahead("B", 5, 0).requests, 11u);
  EXPECT_EQ(census.ahead("B", 5, 0).clients, 1u);
}

TEST(Census, WhileAClientIsKnownItsFirstChargeHolds) {
  Census census;
  for (int i = 0; i < 3; ++i) census.arrive("A", 5, i == 0 ? 1 : 0.25, 1);
  for (int i = 0; i < 2; ++i) census.arrive("B", 5, 1, 1);
  EXPECT_EQ(census.ahead("A", 5, 0.25).requests, 5u);
  census.arrive("A", 4, 0.25, 1);  // on another level, too
  EXPECT_EQ(census.ahead("C", 5, 1).requests, 2u);
  for (int i = 0; i < 3; ++i) census.leave("A", 5, 1);
  EXPECT_EQ(census.ahead("C", 5, 1).requests, 1u);
  census.leave("A", 4, 1);
  for (int i = 0; i < 3; ++i) census.arrive("A", 5, 0.25, 1);  // it was forgotten
  EXPECT_EQ(census.ahead("A", 5, 1).requests, 4u);
}

TEST(Census, AClientThatHasNothingIsForgotten) {
  Census census;
  census.arrive("A", 5, 1, 3);
  census.run("A");
  census.leave("A", 5, 3);
  census.stop("A");
  EXPECT_EQ(census.ahead("B", 5, 1).clients, 1u);
  EXPECT_EQ(census.waiting().requests, 0u);
  EXPECT_EQ(census.waiting().tokens, 0u);
}

TEST(Forecast, WaitsForASeatUnlessSomebodyAboveItsShareYields) {
  Outlook outlook{.step_seconds = 0.02,
                  .prompt_tokens_per_s = 1000,
                  .seats = 2,
                  .taken = 2,
                  .seat_seconds = 3,
                  .free_in = {1, 2}};
  EXPECT_EQ(forecast(outlook, {.clients = 1}, 100).wait.count(), 1010);
  EXPECT_EQ(forecast(outlook, {.clients = 1}, 100).first_token.count(), 1110);
  EXPECT_EQ(forecast(outlook, {.requests = 3, .own = 3, .clients = 1}, 1).wait.count(), 4510);
  EXPECT_EQ(forecast(outlook, {.requests = 1, .clients = 2}, 1).wait.count(), 30);
  outlook.taken = 1;
  outlook.prompt_tokens_left = 500;
  EXPECT_EQ(forecast(outlook, {.clients = 1}, 1).wait.count(), 510);
  EXPECT_EQ(forecast({}, {}, 100).wait.count(), 0);
  // All seats are free, and two more ask than there are.
  EXPECT_EQ(forecast({.seats = 2, .seat_seconds = 3}, {.requests = 3}, 1).wait.count(), 3000);
}

TEST(Forecast, WaitsForSeatsCountAsManyTimesAsTheyWereLate) {
  const Outlook outlook{.seats = 1, .taken = 1, .seat_seconds = 3, .free_in = {2}, .lateness = 1.5};
  EXPECT_EQ(forecast(outlook, {}, 0).wait.count(), 3000);
  EXPECT_EQ(forecast(outlook, {.requests = 1}, 0).wait.count(), 7500);
}

TEST(Forecast, AStepsRoomIsSharedByFourClientsAtMost) {
  const Outlook outlook{.prompt_tokens_per_s = 1000, .seats = 90};
  EXPECT_EQ(forecast(outlook, {.clients = 3}, 100).first_token.count(), 300);
  EXPECT_EQ(forecast(outlook, {.clients = 9}, 100).first_token.count(), 400);
}

TEST(Forecast, TheSecondSeatIsNotFreeBeforeItsTime) {
  const Outlook outlook{.seats = 2, .taken = 2, .seat_seconds = 100, .free_in = {1, 10}};
  EXPECT_EQ(forecast(outlook, {.requests = 1}, 0).wait.count(), 10000);
}

}  // namespace
}  // namespace weir::work
