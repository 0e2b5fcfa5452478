#include "schedule/model_memory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <numeric>

namespace weir::schedule {
namespace {

/// Pages of 4 tokens. A window of 8 touches 3 pages at most, with a chunk of 8 tokens behind it 5.
class ModelMemoryTest : public testing::Test {
 protected:
  void start(uint32_t pages, uint32_t window, bool prefix_cache = false, bool source = false) {
    const ModelSpec spec{.memory = {.pages = true, .source = source},
                         .vocabulary = 1000,
                         .max_tokens = 400,
                         .max_source = source ? 400U : 0U,
                         .window = window,
                         .page_size = 4,
                         .pages = pages};
    memory_ = std::make_unique<ModelMemory>(
        spec, SchedulerOptions{.max_chunk_tokens = 8, .prefix_cache = prefix_cache});
    pages_ = pages;
  }

  static std::unique_ptr<Sequence> sequence(uint32_t prompt, size_t source = 0) {
    auto made = std::make_unique<Sequence>();
    made->prompt_tokens = prompt;
    made->tokens.resize(prompt);
    std::iota(made->tokens.begin(), made->tokens.end(), 0);
    made->limit = 10;
    made->request.params = work::SamplingParams{.max_tokens = 10};
    made->request.source.resize(source);
    return made;
  }

  /// Reads as much of the prompt as there are pages for, and gives back what is behind the window.
  uint32_t read(Sequence& of, uint32_t tokens, bool known = true) {
    const uint32_t took = memory_->grow_within(of, of.planned, tokens);
    of.planned += took;
    if (known) memory_->computed(of, of.planned);
    memory_->pass(of);
    return took;
  }

  uint32_t available() const {
    return pages_ - static_cast<uint32_t>(std::lround(memory_->usage() * pages_));
  }

  void give_back(Sequence& of) {
    std::vector<std::vector<PageId>> kept;
    memory_->release(of, kept);
    of.planned = 0;
  }

  void TearDown() override {
    const auto books = memory_->audit();
    EXPECT_TRUE(books) << books.error().message;
  }

  std::unique_ptr<ModelMemory> memory_;
  uint32_t pages_ = 0;
};

TEST_F(ModelMemoryTest, WithoutAWindowAllPagesOfWhatIsKnownAreTakenAtOnce) {
  start(20, 0);
  const auto one = sequence(50), other = sequence(50);
  ASSERT_TRUE(memory_->admit(*one, 0));
  EXPECT_EQ(available(), 7U);
  EXPECT_EQ(memory_->owed(*one), 0U);
  EXPECT_EQ(memory_->grow_within(*one, 0, 50), 50U);
  EXPECT_FALSE(memory_->admit(*other, 0));
  EXPECT_EQ(other->holdings.pages.size(), 0U);
  give_back(*one);
}

TEST_F(ModelMemoryTest, AWindowThatNoSequenceIsLongerThanIsNone) {
  start(20, 400);
  const auto one = sequence(50);
  ASSERT_TRUE(memory_->admit(*one, 0));
  EXPECT_EQ(available(), 7U);
  give_back(*one);
}

TEST_F(ModelMemoryTest, BehindAWindowPagesAreTakenChunkByChunkAndGivenBack) {
  start(20, 8);
  const auto one = sequence(200);
  ASSERT_TRUE(memory_->admit(*one, 0));
  EXPECT_EQ(available(), 20U);
  EXPECT_EQ(memory_->owed(*one), 5U);
  EXPECT_EQ(memory_->grow_within(*one, 0, 100), 20U);
  EXPECT_EQ(memory_->owed(*one), 0U);
  one->planned = 20;
  memory_->pass(*one);  // positions from 13 on are seen: in pages 3 and 4
  EXPECT_EQ(one->holdings.pages.passed(), 3U);
  EXPECT_EQ(available(), 18U);
  EXPECT_EQ(memory_->owed(*one), 3U);
  EXPECT_EQ(memory_->grow_within(*one, 20, 100), 12U);
  while (one->planned < 200) ASSERT_GT(read(*one, 200 - one->planned), 0U);
  EXPECT_EQ(available(), 18U);  // positions 193 to 199
  give_back(*one);
}

TEST_F(ModelMemoryTest, APromptHoldsHalfOfThePagesAtMostOrThoseOfAWindow) {
  const auto first_chunk = [&](uint32_t pages, size_t source) {
    start(pages, 8, false, source > 0);
    const auto one = sequence(200, source);
    EXPECT_TRUE(memory_->admit(*one, 0)) << pages;
    const uint32_t tokens = memory_->grow_within(*one, 0, 100);
    give_back(*one);
    return tokens;
  };
  EXPECT_EQ(first_chunk(10, 0), 20U);
  EXPECT_EQ(first_chunk(9, 0), 16U);
  EXPECT_EQ(first_chunk(6, 0), 12U);
  EXPECT_EQ(first_chunk(3, 0), 12U);
  EXPECT_EQ(first_chunk(13, 20), 16U);  // 5 pages are the source's
  EXPECT_EQ(first_chunk(8, 20), 12U);
}

TEST_F(ModelMemoryTest, WhatIsLongerThanThePoolFitsIfItsWindowDoes) {
  const auto refusal = [&](uint32_t pages, uint32_t prompt, size_t source) {
    start(pages, 8, false, source > 0);
    const auto fits = memory_->check_fits(*sequence(prompt, source));
    return fits ? std::string("fits") : fits.error().message;
  };
  EXPECT_EQ(refusal(3, 300, 0), "fits");
  EXPECT_EQ(refusal(2, 300, 0), "prompt and completion need 3 pages; this model's cache has 2");
  EXPECT_EQ(refusal(1, 1, 0), "prompt and completion need 3 pages; this model's cache has 1");
  EXPECT_EQ(refusal(8, 300, 20), "fits");
  EXPECT_EQ(refusal(7, 300, 20),
            "source, prompt and completion need 8 pages; this model's cache has 7");
}

TEST_F(ModelMemoryTest, AdmissionLeavesTheReserveAndWhatTheSequenceWillHold) {
  start(7, 8);
  const auto one = sequence(200);
  EXPECT_FALSE(memory_->admit(*one, 5));  // it will hold 3
  EXPECT_EQ(one->planned, 0U);
  EXPECT_TRUE(memory_->admit(*one, 4));
  give_back(*one);
}

TEST_F(ModelMemoryTest, OfAChainThatIsFoundThePagesBeforeTheWindowAreGivenBackAtOnce) {
  start(20, 8, true);
  const auto first = sequence(42), second = sequence(42);
  ASSERT_TRUE(memory_->admit(*first, 0));
  while (first->planned < 42) ASSERT_GT(read(*first, 42 - first->planned), 0U);
  give_back(*first);
  EXPECT_EQ(available(), 20U);
  ASSERT_TRUE(memory_->admit(*second, 0));
  EXPECT_EQ(second->planned, 40U);
  EXPECT_EQ(available(), 18U);  // positions 33 to 39 are seen
  EXPECT_EQ(second->holdings.pages.passed(), 8U);
  // The others can still be found.
  const auto third = sequence(42);
  EXPECT_FALSE(memory_->admit(*third, 18));
  EXPECT_EQ(third->planned, 0U);
  EXPECT_EQ(available(), 18U);
  ASSERT_TRUE(memory_->admit(*third, 0));
  EXPECT_EQ(third->planned, 40U);
  EXPECT_EQ(available(), 18U);
  give_back(*second);
  give_back(*third);
}

TEST_F(ModelMemoryTest, APageThatWasGivenBackBeforeItsTokensAreKnownIsNotFound) {
  start(20, 8, true);
  const auto first = sequence(42), second = sequence(42);
  ASSERT_TRUE(memory_->admit(*first, 0));
  read(*first, 20, false);
  memory_->computed(*first, 20);
  while (first->planned < 42) ASSERT_GT(read(*first, 42 - first->planned), 0U);
  give_back(*first);
  ASSERT_TRUE(memory_->admit(*second, 0));
  EXPECT_EQ(second->planned, 0U);
  give_back(*second);
}

}  // namespace
}  // namespace weir::schedule
