#include "weir/schedule/drafts.h"

#include <gtest/gtest.h>

namespace weir::schedule {
namespace {

using Tokens = std::vector<int32_t>;

Tokens found(const Tokens& tokens, uint32_t most) {
  Tokens to;
  look_up(tokens, most, to);
  return to;
}

TEST(LookUp, TakesWhatFollowedTheLongestMatch) {
  EXPECT_EQ(found({1, 2, 3, 7, 8, 2, 3, 9, 9, 1, 2, 3}, 2), (Tokens{7, 8}));
}

TEST(LookUp, OfEqualsTheLatest) { EXPECT_EQ(found({1, 2, 7, 1, 2, 8, 1, 2}, 1), Tokens{8}); }

TEST(LookUp, OfMatchesLongerThanEightTokensTheLatest) {
  EXPECT_EQ(found({0, 1, 2, 3, 4,  5, 6, 7, 8, 50, 9, 1, 2, 3, 4,
                   5, 6, 7, 8, 60, 0, 1, 2, 3, 4,  5, 6, 7, 8},
                  1),
            Tokens{60});
  EXPECT_EQ(found({1, 2, 3, 4, 5, 6, 7, 50, 9, 2, 3, 4, 5, 6, 7, 60, 1, 2, 3, 4, 5, 6, 7}, 1),
            Tokens{50});
}

TEST(LookUp, GoesOnInALoop) {
  EXPECT_EQ(found({5, 1, 2, 3, 1, 2}, 7), (Tokens{3, 1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(found({4, 4, 4}, 3), (Tokens{4, 4, 4}));
  EXPECT_EQ(found({1, 1}, 2), (Tokens{1, 1}));
}

TEST(LookUp, FindsNothingWhereNothingComesAgain) {
  EXPECT_EQ(found({1, 2, 3, 4}, 5), Tokens{});
  EXPECT_EQ(found({1}, 5), Tokens{});
}

/// What `steps` steps of a text that loops guess, with the share `right` of guesses true.
uint32_t guesses_after(Drafts& drafts, int steps, bool right, double cost) {
  const Tokens text{1, 2, 1, 2, 1, 2};
  for (int i = 0; i < steps; ++i) {
    drafts.guess(text, cost, 8);
    drafts.came(0, right ? 1 : 9);
  }
  return drafts.guess(text, cost, 8);
}

TEST(Drafts, GuessAsMuchAsIsLikelyEnough) {
  Drafts drafts;
  const Tokens text{1, 2, 1, 2};
  EXPECT_EQ(drafts.guess(text, 0.2, 8), 2u);  // 0.5 and 0.25 are above it, 0.125 is not
  EXPECT_EQ(drafts.guess(text, 0.05, 3), 3u);
  EXPECT_EQ(drafts.guess(text, 0.6, 8), 0u);
  EXPECT_EQ(Tokens(drafts.tokens().begin(), drafts.tokens().end()), Tokens{2});
}

TEST(Drafts, WhoGuessesWrongStopsAndComesBack) {
  Drafts drafts;
  EXPECT_EQ(guesses_after(drafts, 50, true, 0.2), 8u);
  EXPECT_EQ(guesses_after(drafts, 50, false, 0.2), 0u);
  EXPECT_GE(guesses_after(drafts, 50, true, 0.2), 8u);  // seen without being computed
}

TEST(Drafts, WithoutRoomForAnyOneIsComparedAllTheSame) {
  Drafts drafts;
  const Tokens text{1, 2, 1, 2, 1, 2};
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(drafts.guess(text, 0.2, 0), 0u);
    EXPECT_TRUE(drafts.came(0, 1));
    EXPECT_FALSE(drafts.came(1, 2));  // one, no more
  }
  EXPECT_EQ(drafts.guess(text, 0.2, 8), 8u);
}

TEST(Drafts, OneTokenThatMatchesIsTrustedByItsOwnPast) {
  Drafts drafts;
  EXPECT_EQ(guesses_after(drafts, 50, true, 0.2), 8u);
  EXPECT_EQ(drafts.guess(Tokens{1, 2, 3, 2}, 0.2, 8), 2u);
}

TEST(Drafts, SayWhichCameTrue) {
  Drafts drafts;
  EXPECT_EQ(drafts.guess(Tokens{1, 2, 3, 1, 2}, 0.2, 2), 2u);
  EXPECT_TRUE(drafts.came(0, 3));
  EXPECT_FALSE(drafts.came(1, 7));
  EXPECT_EQ(drafts.guess(Tokens{1, 2, 3}, 0.2, 2), 0u);
  EXPECT_FALSE(drafts.came(0, 3));  // nothing was guessed
}

}  // namespace
}  // namespace weir::schedule
