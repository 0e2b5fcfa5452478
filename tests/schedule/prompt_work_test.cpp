#include "schedule/prompt_work.h"

#include <gtest/gtest.h>

namespace weir::schedule {
namespace {

TEST(PromptWork, ChunkGrowsWithTheRowsThatDecode) {
  const SchedulerOptions options{.min_chunk_tokens = 8, .max_chunk_tokens = 64};
  EXPECT_EQ(chunk_beside(options, 1, 0, false), 8u);
  EXPECT_EQ(chunk_beside(options, 1, 1, false), 8u);
  EXPECT_EQ(chunk_beside(options, 8, 1, false), 10u);
  EXPECT_EQ(chunk_beside(options, 8, 3, false), 30u);
  EXPECT_EQ(chunk_beside(options, 8, 100, false), 64u);
  EXPECT_EQ(chunk_beside(options, 16, 1, false), 24u);
  EXPECT_EQ(chunk_beside(options, 32, 1, false), 64u);
  EXPECT_EQ(chunk_beside(options, 1000, 1, false), 64u);
  EXPECT_EQ(chunk_beside({.min_chunk_tokens = 512, .max_chunk_tokens = 512}, 8, 1, false), 512u);
}

TEST(PromptWork, WithAShortPromptTheChunkIsFourOfTheLeastAtLeast) {
  const SchedulerOptions options{.min_chunk_tokens = 8, .max_chunk_tokens = 64};
  EXPECT_EQ(chunk_beside(options, 1, 1, true), 32u);
  EXPECT_EQ(chunk_beside(options, 8, 3, true), 32u);
  EXPECT_EQ(chunk_beside(options, 8, 4, true), 40u);
  EXPECT_EQ(chunk_beside(options, 32, 1, true), 64u);
  EXPECT_EQ(chunk_beside({.min_chunk_tokens = 24, .max_chunk_tokens = 64}, 1, 1, true), 64u);
  EXPECT_EQ(chunk_beside({.min_chunk_tokens = 5, .max_chunk_tokens = 5}, 1, 9, true), 5u);
}

TEST(PromptWork, APromptIsShortByWhatIsNotCached) {
  Sequence sequence;
  sequence.tokens.resize(512);
  EXPECT_TRUE(is_short(sequence));
  sequence.tokens.resize(600);
  EXPECT_FALSE(is_short(sequence));
  sequence.cached_tokens = 88;
  EXPECT_TRUE(is_short(sequence));
}

TEST(PromptWork, ASourceCountsAsMuchAsAPromptInWhetherItIsShort) {
  Sequence sequence;
  sequence.tokens.resize(12);
  sequence.request.source.resize(500);
  EXPECT_TRUE(is_short(sequence));
  sequence.request.source.resize(501);
  EXPECT_FALSE(is_short(sequence));
}

TEST(PromptWork, ATokenOfASourceAttendsToAllOfThem) {
  EXPECT_DOUBLE_EQ(PromptWork(1000).of_source(100), 110);
  EXPECT_DOUBLE_EQ(PromptWork(1000).of_source(0), 0);
  EXPECT_DOUBLE_EQ(PromptWork(0).of_source(100), 100);
}

TEST(PromptWork, TokensDeepInAPromptCostMore) {
  const PromptWork work(1000);
  EXPECT_DOUBLE_EQ(work.of(0, 100), 105);
  EXPECT_DOUBLE_EQ(work.of(3000, 100), 405);
  EXPECT_EQ(work.within(105, 0), 100u);
  EXPECT_EQ(work.within(405, 3000), 100u);
  EXPECT_EQ(work.within(404, 3000), 99u);
  EXPECT_EQ(work.within(3.9, 3000), 0u);
  EXPECT_EQ(work.within(0, 3000), 0u);
}

TEST(PromptWork, BehindAWindowEachTokenCostsTheSame) {
  const PromptWork work(1000, 501);
  EXPECT_DOUBLE_EQ(work.of(0, 100), 105);
  EXPECT_DOUBLE_EQ(work.of(450, 100), 100 + 50 * 0.475 + 50 * 0.5);
  EXPECT_DOUBLE_EQ(work.of(70000, 100), 150);
  EXPECT_EQ(work.within(105, 0), 100U);
  EXPECT_EQ(work.within(148.75, 450), 100U);
  EXPECT_EQ(work.within(148.7, 450), 99U);
  EXPECT_EQ(work.within(150, 70000), 100U);
  EXPECT_EQ(PromptWork(1000, 1).within(7, 500), 7U);
}

TEST(PromptWork, WithoutASpanEachTokenCountsOne) {
  EXPECT_EQ(PromptWork(0).of(500, 7), 7);
  EXPECT_EQ(PromptWork(0).within(7, 500), 7u);
}

}  // namespace
}  // namespace weir::schedule
