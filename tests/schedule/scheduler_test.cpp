#include "weir/schedule/scheduler.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "fakes/fake_clock.h"
#include "fakes/fake_runner.h"
#include "fakes/scraped.h"
#include "schedule/turns.h"

namespace weir::schedule {
namespace {

using namespace std::chrono_literals;

class SchedulerTest : public testing::Test {
 protected:
  void start(ModelSpec spec, SchedulerOptions options = {}, int depth = 0) {
    runner_ = std::make_unique<fakes::FakeRunner>(spec, depth);
    runner_->on_row = [this](const Row& row) { rows_.push_back(row); };
    scheduler_ =
        std::make_unique<Scheduler>(Scheduler::Parts{*runner_, queue_, clock_, series_}, options);
  }

  work::ReplyReader ask(size_t prompt, uint32_t max_tokens, int priority = 5,
                        const std::string& scope = "", size_t source = 0) {
    auto [reply, reader] = work::make_reply();
    std::vector<work::Request> requests(1);
    requests[0].source.assign(source, 2);
    requests[0].prompt.assign(prompt, 1);
    work::SamplingParams params;
    params.max_tokens = max_tokens;
    requests[0].params = params;
    requests[0].reply = std::move(reply);
    requests[0].priority = priority;
    requests[0].cache_scope = scope;
    requests[0].arrival = clock_.now();
    requests[0].deadline = deadline_;
    requests[0].client = client_;
    EXPECT_TRUE(queue_.push(requests));
    return std::move(reader);
  }

  work::ReplyReader translate(size_t source, uint32_t max_tokens, size_t prompt = 1) {
    return ask(prompt, max_tokens, 5, "", source);
  }

  void run() {
    do scheduler_->step();
    while (!scheduler_->idle());
  }

  static work::Started started(work::ReplyReader& reader) {
    return std::get<work::Started>(reader.next(0ms).value());
  }
  static work::Event last(work::ReplyReader& reader) {
    std::optional<work::Event> event;
    while (auto next = reader.next(0ms)) event = std::move(next);
    return event ? *event : work::Event(Error{.message = "no answer"});
  }

  /// Tokens of each row since the last call.
  std::vector<size_t> row_sizes() {
    std::vector<size_t> sizes;
    for (const Row& row : std::exchange(rows_, {})) sizes.push_back(row.tokens.size());
    return sizes;
  }

  static ModelSpec decoder(uint32_t pages = 100) {
    return {.memory = {.pages = true},
            .vocabulary = 1000,
            .max_tokens = 200,
            .page_size = 4,
            .pages = pages};
  }

  static ModelSpec encoder_decoder(uint32_t pages = 100) {
    ModelSpec spec = decoder(pages);
    spec.memory.source = true;
    spec.max_source = 40;
    return spec;
  }

  struct Share {  // of a step: source tokens, tokens
    size_t source, tokens;
    bool operator==(const Share&) const = default;
  };

  /// Of each row since the last call.
  std::vector<Share> shares() {
    std::vector<Share> all;
    for (const Row& row : std::exchange(rows_, {}))
      all.push_back({row.source.size(), row.tokens.size()});
    return all;
  }

  double preemptions() {
    return fakes::scraped(metrics_, "weir_preemptions_total{model=\"m\"}").value_or(0);
  }

  fakes::FakeClock clock_;
  Registry metrics_;
  StepSeries series_{metrics_, {{"model", "m"}}};
  work::WorkQueue queue_{{}, nullptr};
  std::unique_ptr<fakes::FakeRunner> runner_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<Row> rows_;
  std::optional<TimePoint> deadline_;  // of what is asked
  std::string client_;                 // who asks
};

using Sizes = std::vector<size_t>;

TEST_F(SchedulerTest, ASourceIsEncodedOnceWithTheFirstChunkOfTheDecodersPrompt) {
  ModelSpec spec = encoder_decoder();
  spec.max_source = 10;
  start(spec, {.max_batch_tokens = 4});  // raised to 14
  auto a = translate(8, 2, 20);
  run();
  for (const Row& row : rows_) EXPECT_EQ(row.source_tokens, 8U);
  EXPECT_EQ(shares(), (std::vector<Share>{{8, 6}, {0, 14}, {0, 1}}));
  EXPECT_EQ(std::get<work::Finish>(last(a)).prompt_tokens, 28U);
}

TEST_F(SchedulerTest, ASourceIsReadBesideRowsThatDecodeEvenIfItIsLongerThanTheirRoom) {
  start(encoder_decoder(), {.max_chunk_tokens = 16});
  auto a = translate(4, 20);
  scheduler_->step();
  EXPECT_EQ(shares(), (std::vector<Share>{{4, 1}}));
  auto b = translate(30, 20), c = translate(30, 20), d = translate(5, 20), e = translate(5, 20);
  scheduler_->step();
  EXPECT_EQ(shares(), (std::vector<Share>{{0, 1}, {30, 1}}));  // one of them, and nothing beside
  scheduler_->step();
  EXPECT_EQ(shares(), (std::vector<Share>{{0, 1}, {0, 1}, {30, 1}}));
  scheduler_->step();  // two that are short share the room
  EXPECT_EQ(shares(), (std::vector<Share>{{0, 1}, {0, 1}, {0, 1}, {5, 1}, {5, 1}}));
  auto f = translate(5, 20), g = translate(30, 20);
  scheduler_->step();  // what they leave is not enough for one that is long
  EXPECT_EQ(shares().back(), (Share{5, 1}));
  scheduler_->step();
  EXPECT_EQ(shares().back(), (Share{30, 1}));
}

TEST_F(SchedulerTest, TheWorkOfASourceIsAPromptsInThePaceOfSteps) {
  start(encoder_decoder(), {.max_batch_tokens = 64});
  runner_->on_row = [&](const Row& row) {
    clock_.advance(std::chrono::milliseconds(row.source.size() + row.tokens.size()));
  };
  for (size_t i = 0; i < 40; ++i) {
    auto reader = translate(1 + i, 1);
    run();
  }
  EXPECT_NEAR(queue_.outlook().prefill_tokens_per_s, 1000, 10);
}

TEST_F(SchedulerTest, OnePoolHasThePagesOfSourcesAndOfDecoders) {
  start(encoder_decoder(10));
  auto mostly_source = translate(32, 5);   // 8 pages and 2
  auto mostly_text = translate(4, 33, 4);  // 1 page and 9
  auto neither = translate(33, 5);
  run();
  EXPECT_TRUE(std::holds_alternative<work::Finish>(last(mostly_source)));
  EXPECT_TRUE(std::holds_alternative<work::Finish>(last(mostly_text)));
  EXPECT_EQ(std::get<Error>(last(neither)).message,
            "source, prompt and completion need 11 pages; this model's cache has 10");
}

TEST_F(SchedulerTest, APreemptedSequenceEncodesItsSourceAgain) {
  start(encoder_decoder(8));
  auto a = translate(8, 13), b = translate(8, 13);  // 2 pages and 4 each
  run();
  EXPECT_EQ(std::get<work::Finish>(last(a)).generated_tokens, 13U);
  EXPECT_EQ(std::get<work::Finish>(last(b)).generated_tokens, 13U);
  EXPECT_EQ(preemptions(), 1);
  std::vector<SequenceId> encoded;
  for (const Row& row : rows_)
    if (row.first == 0) encoded.push_back(row.id);
  EXPECT_EQ(encoded, (std::vector<SequenceId>{1, 2, 2}));
}

/// Pages that a row holds.
std::set<PageId> pages_of(const Row& row) {
  std::set<PageId> pages(row.pages.begin(), row.pages.end());
  pages.erase(-1);
  return pages;
}

TEST_F(SchedulerTest, ASequenceTenTimesAsLongAsThePoolEndsBehindItsWindowWithOthersBeside) {
  ModelSpec spec = decoder(10);  // 40 positions
  spec.max_tokens = 500;
  spec.window = 8;
  start(spec, {.prefix_cache = false});
  std::set<PageId> behind, served;  // pages that it had before; of these the others'
  runner_->on_row = [&](const Row& row) {
    const std::set<PageId> pages = pages_of(row);
    if (row.id == 1) {
      EXPECT_LE(pages.size(), 5U);  // half of the pool
      behind.insert(pages.begin(), pages.end());
    } else {
      for (PageId page : pages)
        if (behind.contains(page)) served.insert(page);
    }
  };
  auto longest = ask(200, 201);
  std::vector<work::ReplyReader> others;
  while (!std::holds_alternative<work::Finish>(last(longest))) {
    ASSERT_FALSE(scheduler_->idle() && runner_->steps > 0);
    if (runner_->steps % 10 == 1) others.push_back(ask(9, 4));
    scheduler_->step();
    if (!others.empty() && runner_->steps % 10 == 0) {
      EXPECT_TRUE(std::holds_alternative<work::Finish>(last(others.back()))) << runner_->steps;
    }
  }
  EXPECT_GT(others.size(), 20U);
  EXPECT_GT(served.size(), 2U);
  EXPECT_EQ(preemptions(), 0);
}

TEST_F(SchedulerTest, BehindAWindowTheFirstInRankMovesInEveryStep) {
  ModelSpec spec = decoder(7);
  spec.max_tokens = 500;
  spec.window = 8;
  start(spec, {.min_chunk_tokens = 4, .max_chunk_tokens = 4, .prefix_cache = false});
  auto longest = ask(200, 1), b = ask(1, 100), c = ask(3, 100);  // which want 3 pages each in time
  for (int i = 0; i < 40; ++i) {
    rows_.clear();
    scheduler_->step();
    EXPECT_TRUE(std::ranges::any_of(rows_, [](const Row& row) { return row.id == 1; })) << i;
  }
  EXPECT_GT(preemptions(), 0);
}

TEST_F(SchedulerTest, WhatAPromptBehindAWindowWillTakeIsNotGivenToANewcomer) {
  ModelSpec spec = decoder(9);
  spec.max_tokens = 500;
  spec.window = 8;
  start(spec, {.min_chunk_tokens = 1, .max_chunk_tokens = 8, .prefix_cache = false});
  auto decodes = ask(1, 400);
  scheduler_->step();
  client_ = "a";
  auto first = ask(200, 1);  // it holds 4 pages in time
  client_ = "b";
  auto second = ask(200, 1);
  rows_.clear();
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 4}));
  run();
  EXPECT_EQ(preemptions(), 0);
}

TEST_F(SchedulerTest, BehindAWindowALongPromptBecomesNoDearer) {
  ModelSpec spec = decoder(1000);
  spec.max_tokens = 2000;
  spec.window = 101;
  spec.attention_span = 100;
  start(spec, {.min_chunk_tokens = 20, .max_chunk_tokens = 20, .prefix_cache = false});
  auto decodes = ask(2, 900);
  scheduler_->step();
  auto prompt = ask(1000, 1);
  rows_.clear();
  for (int i = 0; i < 10; ++i) scheduler_->step();
  EXPECT_EQ(rows_[1].tokens.size(), 18U);
  rows_.clear();
  for (int i = 0; i < 50; ++i) scheduler_->step();
  const Sizes sizes = row_sizes();
  for (size_t i = 1; i < sizes.size(); i += 2) EXPECT_EQ(sizes[i], 10U) << i;
}

TEST_F(SchedulerTest, CutsALongPromptBesideDecodes) {
  start(decoder(), {.max_batch_tokens = 16, .max_chunk_tokens = 6, .prefix_cache = false});
  auto a = ask(4, 10);
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{4}));
  auto b = ask(20, 4);
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 6}));
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 6}));
  auto c = ask(40, 1);
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 6}));  // first come, first served
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 2, 4}));
}

TEST_F(SchedulerTest, ItsSeriesTellOfTheLoadTheStepsAndThePrefixCache) {
  const auto value = [&](const std::string& name) {
    return fakes::scraped(metrics_, name + "{model=\"m\"}");
  };
  start(decoder(), {.max_sequences = 1});
  auto a = ask(9, 3), b = ask(9, 3);
  scheduler_->step();
  EXPECT_EQ(value("weir_requests_running"), 1);
  EXPECT_EQ(value("weir_requests_waiting"), 1);
  EXPECT_NEAR(value("weir_kv_cache_usage").value_or(-1), 0.03, 1e-9);
  EXPECT_EQ(value("weir_step_tokens_sum"), 9);
  EXPECT_EQ(value("weir_step_seconds_count"), 1);
  EXPECT_EQ(value("weir_prefix_cache_queried_tokens_total"), 9);
  run();
  EXPECT_EQ(value("weir_requests_running"), 0);
  EXPECT_EQ(value("weir_requests_waiting"), 0);
  EXPECT_EQ(value("weir_step_seconds_count"), 6);
  EXPECT_EQ(value("weir_prefix_cache_queried_tokens_total"), 18);
  EXPECT_EQ(value("weir_prefix_cache_hit_tokens_total"), 8);
}

TEST_F(SchedulerTest, ALongPromptCostsThoseWhoReadAlongNoMoreThanTheirOwnWork) {
  ModelSpec spec = decoder(1000);
  spec.max_tokens = 1000;
  spec.attention_span = 200;
  start(spec, {.min_chunk_tokens = 4, .max_chunk_tokens = 64});
  std::vector<work::ReplyReader> readers;
  for (int i = 0; i < 8; ++i) readers.push_back(ask(2, 900));
  scheduler_->step();
  rows_.clear();
  auto prompt = ask(600, 1);
  size_t prompted = 0, last = 100;
  for (int steps = 0; prompted < 600; ++steps) {
    ASSERT_LT(steps, 200);
    scheduler_->step();
    const Sizes sizes = row_sizes();
    ASSERT_EQ(sizes.size(), 9u);
    const double cost = sizes[8] * (1 + (prompted + sizes[8] / 2.0) / 200);
    ASSERT_LE(cost, 10.01);  // 8 rows decode
    ASSERT_LE(sizes[8], last + 1);
    prompted += sizes[8];
    last = sizes[8];
  }
}

TEST_F(SchedulerTest, APromptThatIsDearerThanItsRoomIsReadATokenAStep) {
  ModelSpec spec = decoder(1000);
  spec.max_tokens = 2000;
  spec.attention_span = 10;  // the last token of the prompt costs as much as 60 others
  start(spec, {.min_chunk_tokens = 1, .max_chunk_tokens = 64, .prefix_cache = false});
  auto a = ask(2, 1000);
  scheduler_->step();
  auto prompt = ask(600, 1), other = ask(600, 1);
  rows_.clear();
  for (size_t read = 0; read < 600;) {
    scheduler_->step();
    const Sizes sizes = row_sizes();
    ASSERT_GE(sizes.size(), 2u) << "no prompt moved, " << read << " tokens were read";
    ASSERT_EQ(sizes[0], 1u);
    read += sizes[1];
  }
  EXPECT_TRUE(std::holds_alternative<work::Finish>(last(prompt)));
}

TEST_F(SchedulerTest, AShortPromptIsReadInLargerPiecesThatALongOneDoesNotGet) {
  ModelSpec spec = decoder(1000);
  spec.max_tokens = 1000;
  start(spec, {.min_chunk_tokens = 4, .max_chunk_tokens = 64, .prefix_cache = false});
  auto a = ask(2, 900);
  scheduler_->step();
  auto prompt = ask(600, 1);
  rows_.clear();
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 4}));
  auto other = ask(20, 1);
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 8, 8}));  // the long one has what it had beside one more
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 8, 8}));
  scheduler_->step();
  EXPECT_EQ(row_sizes(), (Sizes{1, 8, 4}));
}

TEST_F(SchedulerTest, TakesTheWholeBudgetForAPromptWhenNobodyDecodes) {
  start(decoder(), {.max_batch_tokens = 16, .max_chunk_tokens = 6});
  auto a = ask(40, 1);
  run();
  EXPECT_EQ(row_sizes(), (Sizes{16, 16, 8}));
}

TEST_F(SchedulerTest, AtDepthOneTheLastTokenStaysOnTheDevice) {
  start(decoder(), {}, 1);
  auto a = ask(5, 3);
  run();
  ASSERT_EQ(rows_.size(), 3u);
  EXPECT_EQ(rows_[1].tokens.size(), 0u);
  EXPECT_EQ(rows_[1].first, 5u);
  EXPECT_EQ(rows_[1].drawn, 1u);
  EXPECT_EQ(rows_[2].first, 6u);
  EXPECT_EQ(std::get<work::Finish>(last(a)).generated_tokens, 3u);
}

TEST_F(SchedulerTest, CachedPagesAreNotComputedAgainAndStayInTheirScope) {
  start(decoder());
  auto a = ask(12, 1);
  run();
  EXPECT_EQ(row_sizes(), (Sizes{12}));
  auto b = ask(12, 1);
  run();
  EXPECT_EQ(row_sizes(), (Sizes{4}));  // one token at least is computed
  EXPECT_EQ(started(b).cached_tokens, 8u);
  auto c = ask(12, 1, 5, "another key");
  run();
  EXPECT_EQ(row_sizes(), (Sizes{12}));
  EXPECT_EQ(started(c).cached_tokens, 0u);
}

TEST_F(SchedulerTest, HigherPriorityGoesFirst) {
  start(decoder(), {.max_sequences = 1, .prefix_cache = false});
  auto a = ask(4, 1, 5), b = ask(5, 1, 5), c = ask(6, 1, 9);
  run();
  EXPECT_EQ(row_sizes(), (Sizes{6, 4, 5}));
}

TEST_F(SchedulerTest, TheYoungestGivesItsPagesUp) {
  start(decoder(6), {.prefix_cache = false});
  auto a = ask(8, 12), b = ask(8, 12);  // 5 pages each
  run();
  EXPECT_EQ(std::get<work::Finish>(last(a)).generated_tokens, 12u);
  EXPECT_EQ(std::get<work::Finish>(last(b)).generated_tokens, 12u);
  // Both start; the second returns once the first is done, with all its tokens as one prompt.
  std::vector<Row> again;
  for (const Row& row : rows_)
    if (row.first == 0) again.push_back(row);
  ASSERT_EQ(again.size(), 3u);
  EXPECT_EQ(again[2].id, again[1].id);
  EXPECT_GT(again[2].drawn, 0u);
}

TEST_F(SchedulerTest, APageIsLeftForEachThatRunsWhenAnotherIsAdmitted) {
  start(decoder(5), {.prefix_cache = false});
  auto a = ask(8, 4), b = ask(12, 2);  // 2 pages and a third for the next token; 3 pages
  run();
  EXPECT_EQ(preemptions(), 0);
  EXPECT_EQ(row_sizes(), (Sizes{8, 1, 1, 1, 12, 1}));
}

TEST_F(SchedulerTest, WhatNeverFitsIsRefusedWithBothNumbers) {
  start(decoder(4));
  auto a = ask(15, 3);
  auto b = ask(200, 3);
  run();
  EXPECT_EQ(std::get<Error>(last(a)).message,
            "prompt and completion need 5 pages; this model's cache has 4");
  EXPECT_EQ(std::get<Error>(last(b)).message,
            "prompt has 200 tokens; this model takes 199 and one of completion");
  EXPECT_TRUE(rows_.empty());
}

TEST_F(SchedulerTest, WhatHasNotStartedByItsDeadlineIsAnsweredSo) {
  start(decoder(), {.max_sequences = 1});
  deadline_ = clock_.now() + 5ms;
  auto a = ask(4, 9), b = ask(4, 9);
  scheduler_->step();
  clock_.advance(5ms);
  scheduler_->step();
  EXPECT_FALSE(b.next(0ms));  // its last moment
  clock_.advance(1ms);
  scheduler_->step();
  const auto refused = std::get<Error>(last(b));
  EXPECT_EQ(refused.code, Code::deadline);
  EXPECT_EQ(refused.message, "the request did not start within its 5 ms");
  run();
  EXPECT_TRUE(std::holds_alternative<work::Finish>(last(a)));
}

TEST_F(SchedulerTest, AClosedReaderCostsNoFurtherStep) {
  start(decoder());
  auto a = ask(4, 100);
  scheduler_->step();
  scheduler_->step();
  a.close();
  rows_.clear();
  scheduler_->step();
  EXPECT_TRUE(rows_.empty());
  EXPECT_TRUE(scheduler_->idle());
  EXPECT_TRUE(scheduler_->audit());
}

TEST_F(SchedulerTest, TellsTheQueueWhatHasNotStarted) {
  start(decoder(), {.max_sequences = 1});
  auto a = ask(4, 2), b = ask(6, 2), c = ask(6, 2);
  scheduler_->step();
  EXPECT_EQ(queue_.waiting(), 2u);
  EXPECT_EQ(scheduler_->started(), 1u);
  run();
  EXPECT_EQ(queue_.waiting(), 0u);
  EXPECT_EQ(scheduler_->started(), 0u);
}

TEST_F(SchedulerTest, TimesAddUp) {
  start(decoder(), {.max_sequences = 1});
  auto a = ask(4, 2), b = ask(4, 3);
  runner_->on_row = [this](const Row&) { clock_.advance(10ms); };
  run();
  EXPECT_EQ(started(b).queued, 20ms);
  const auto finish = std::get<work::Finish>(last(b));
  EXPECT_EQ(finish.prefill, 10ms);
  EXPECT_EQ(finish.decode, 20ms);
}

TEST_F(SchedulerTest, WhatIsUnfinishedAtTheEndIsAnswered) {
  start(decoder(), {.max_sequences = 1}, 1);
  auto a = ask(4, 9), b = ask(4, 9);
  scheduler_->step();
  scheduler_.reset();
  EXPECT_EQ(std::get<Error>(last(a)).code, Code::unavailable);
  EXPECT_EQ(std::get<Error>(last(b)).code, Code::unavailable);
}

TEST(Turns, GiveTheCrowdMoreAndNeverAll) {
  Turns turns;
  const std::vector<size_t> work{1, 1000};
  std::vector<double> seconds{0, 0};
  for (int i = 0; i < 10000; ++i) {
    const size_t turn = turns.next(work);
    const double took = turn == 0 ? 0.01 : 0.1;
    seconds[turn] += took;
    turns.took(turn, work[turn], took);
  }
  EXPECT_NEAR(seconds[1] / seconds[0], 10.97 / 2, 0.1);
  EXPECT_EQ(turns.next({0, 0}), Turns::kNobody);
}

TEST(Turns, WhoWasIdleHasNoClaimToThePast) {
  Turns turns;
  for (int i = 0; i < 100; ++i) turns.took(turns.next({0, 5}), 5, 1);
  int firsts = 0;
  for (int i = 0; i < 20; ++i) {
    const size_t turn = turns.next({5, 5});
    firsts += turn == 0;
    turns.took(turn, 5, 1);
  }
  EXPECT_NEAR(firsts, 10, 1);
}

}  // namespace
}  // namespace weir::schedule
