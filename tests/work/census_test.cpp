#include "work/census.h"

#include <gtest/gtest.h>

namespace weir::work {
namespace {

TEST(Census, ClientsTakeTurnsAndHigherClassesGoFirst) {
  Census census;
  for (int i = 0; i < 10; ++i) census.arrive("A", 5, 100);
  census.arrive("B", 5, 100);
  census.arrive("C", 7, 40);
  EXPECT_EQ(census.ahead("D", 5).requests, 3u);  // C, and the first of A and of B
  EXPECT_EQ(census.ahead("D", 5).tokens, 240u);
  EXPECT_EQ(census.ahead("B", 5).requests, 4u);  // its own first, two of A, C
  EXPECT_EQ(census.ahead("B", 5).own, 1u);
  EXPECT_EQ(census.ahead("A", 5).requests, 12u);
  EXPECT_EQ(census.ahead("A", 9).requests, 0u);
  EXPECT_EQ(census.ahead("D", 5).clients, 4u);
  EXPECT_EQ(census.waiting_below(7).requests, 11u);
  census.run("A");
  census.leave("A", 5, 100);
  EXPECT_EQ(census.ahead("A", 5).running, 1u);
  EXPECT_EQ(census.ahead("A", 5).own, 9u);
}

TEST(Census, WhoHasNothingIsForgotten) {
  Census census;
  census.arrive("A", 5, 3);
  census.run("A");
  census.leave("A", 5, 3);
  census.stop("A");
  EXPECT_EQ(census.ahead("B", 5).clients, 1u);
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

}  // namespace
}  // namespace weir::work
