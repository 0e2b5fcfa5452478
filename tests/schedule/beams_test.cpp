// The texts themselves are held against transformers' in tests/e2e/beams_test.py.
#include "schedule/beams.h"

#include <gmock/gmock.h>

namespace weir::schedule {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using Likely = BeamSearch::Likely;
using Stopping = work::Beams::Stopping;

constexpr int32_t kEnd = 9;

BeamSearch search(work::Beams asked, uint32_t limit = 5, uint32_t min_tokens = 0,
                  std::vector<int32_t> prompt = {1, 2}) {
  return {asked, {kEnd}, min_tokens, limit, prompt};
}

TEST(Beams, TheBestGoOnAndAnEndWaitsWithItsScore) {
  BeamSearch beams = search({.beams = 2});
  EXPECT_EQ(beams.wanted(), 4U);
  auto steps = beams.advance(std::vector<Likely>{{{3, -1}, {4, -2}, {kEnd, -3}, {5, -4}}});
  ASSERT_THAT(steps, SizeIs(2));
  EXPECT_EQ(steps[0].token, 3);
  EXPECT_EQ(steps[1].token, 4);
  // 3 9 at -1.5, 4 6 at -2.1, 3 7 at -3: the first ends, the next two go on.
  steps = beams.advance(std::vector<Likely>{{{kEnd, -0.5F}, {7, -2}, {8, -5}, {6, -6}},
                                            {{6, -0.1F}, {7, -3}, {8, -4}, {kEnd, -5}}});
  ASSERT_THAT(steps, SizeIs(2));
  EXPECT_EQ(steps[0].parent, 1U);
  EXPECT_EQ(steps[0].token, 6);
  EXPECT_EQ(steps[1].parent, 0U);
  EXPECT_EQ(steps[1].token, 7);
  ASSERT_THAT(beams.ended(), SizeIs(1));
  EXPECT_THAT(beams.ended()[0].tokens, ElementsAre(3, kEnd));
  EXPECT_FLOAT_EQ(beams.ended()[0].score, -0.75F);
  EXPECT_TRUE(beams.ended()[0].stopped);
}

TEST(Beams, AtTheLimitAllEnd) {
  BeamSearch beams = search({.beams = 2, .length_penalty = 0}, 1);
  EXPECT_TRUE(beams.advance(std::vector<Likely>{{{3, -1}, {4, -2}, {kEnd, -3}, {5, -4}}}).empty());
  ASSERT_THAT(beams.ended(), SizeIs(2));
  EXPECT_THAT(beams.ended()[1].tokens, ElementsAre(4));
  EXPECT_FLOAT_EQ(beams.ended()[1].score, -2);
  EXPECT_FALSE(beams.ended()[1].stopped);
}

TEST(Beams, EarlyStoppingEndsWithAsManyTextsAsBeams) {
  const std::vector<Likely> likely{{{kEnd, -1}, {3, -1.5F}, {4, -9}, {5, -9.5F}}};
  for (const auto stopping : {Stopping::late, Stopping::early}) {
    BeamSearch beams = search({.beams = 2, .length_penalty = 2, .early_stopping = stopping});
    EXPECT_FALSE(beams.advance(likely).empty());
    // 3 9 ends as the second: -1.6 / 4. 3 6 at -1.7 may still become better by its length.
    const std::vector<Likely> next{{{kEnd, -0.1F}, {6, -0.2F}, {7, -9}, {8, -9.5F}},
                                   {{kEnd, -9}, {6, -9}, {7, -9}, {8, -9.5F}}};
    EXPECT_EQ(beams.advance(next).empty(), stopping == Stopping::early);
  }
}

TEST(Beams, NoNgramComesTwice) {
  BeamSearch beams = search({.beams = 2, .no_repeat_ngram = 2}, 5, 0, {1, 2, 1});
  EXPECT_EQ(beams.wanted(), 5U);  // one of them may not follow
  const auto steps =
      beams.advance(std::vector<Likely>{{{2, -0.1F}, {3, -1}, {4, -2}, {5, -3}, {6, -4}}});
  ASSERT_THAT(steps, SizeIs(2));
  EXPECT_EQ(steps[0].token, 3);  // 1 2 was there
}

TEST(Beams, NothingEndsBeforeMinTokens) {
  BeamSearch beams = search({.beams = 2}, 5, 1);
  EXPECT_EQ(beams.wanted(), 5U);
  beams.advance(std::vector<Likely>{{{kEnd, -0.1F}, {3, -1}, {4, -2}, {5, -3}, {6, -4}}});
  EXPECT_THAT(beams.ended(), SizeIs(0));
}

}  // namespace
}  // namespace weir::schedule
