#include <gtest/gtest.h>

#include <random>

#include "fakes/fake_clock.h"
#include "weir/schedule/scheduler.h"

namespace weir::schedule {
namespace {

/// A model that draws one of two tokens, so that about half of all guesses come true. A step takes
/// 8 ms, and 1 ms for each token.
class CoinRunner final : public Runner {
 public:
  explicit CoinRunner(fakes::FakeClock& clock) : clock_(clock) {}

  const ModelSpec& spec() const override { return spec_; }
  int depth() const override { return 0; }

  Result<void> launch(const StepPlan& plan) override {
    rows = plan.rows;
    clock_.advance(std::chrono::milliseconds(8 + plan.tokens));
    return {};
  }

  Result<std::vector<work::Output>> collect() override {
    std::vector<work::Output> outputs;
    for (const Row& row : rows) {
      const size_t next = row.first + row.tokens.size() - row.drafts;
      for (size_t i = 0; i <= row.drafts; ++i) outputs.push_back(work::Token{drawn(row, next + i)});
    }
    return outputs;
  }

  std::vector<Row> rows;  // of the last step

 private:
  static int32_t drawn(const Row& row, size_t position) {
    std::seed_seq seed{row.id, static_cast<SequenceId>(position)};
    return static_cast<int32_t>(std::mt19937(seed)() % 2);
  }

  fakes::FakeClock& clock_;
  const ModelSpec spec_{
      .memory = {.pages = true}, .vocabulary = 2, .max_tokens = 4000, .pages = 20000};
};

/// Of 150 rows each costs 0.95 of a token: more than a guess is trusted, less than twice as much.
TEST(DraftSteps, WhatDoesNotPayIsTriedAgainAfter64Steps) {
  fakes::FakeClock clock;
  CoinRunner runner(clock);
  work::WorkQueue queue({}, nullptr);
  Registry metrics;
  const StepSeries series{metrics, {{"model", "m"}}};
  Scheduler scheduler({runner, queue, clock, series},
                      {.max_sequences = 150, .prefix_cache = false, .max_drafts = 12});
  std::vector<work::ReplyReader> readers;
  size_t steps = 0, last = 0;
  std::vector<size_t> pauses;  // steps without drafts between two with some
  for (; pauses.size() < 5 && steps < 1000; ++steps) {
    if (readers.size() < 150) {
      auto [reply, reader] = work::make_reply();
      std::vector<work::Request> requests(1);
      requests[0].prompt = {0, 1};
      requests[0].params = work::SamplingParams{.max_tokens = 3000};
      requests[0].reply = std::move(reply);
      ASSERT_TRUE(queue.push(requests));
      readers.push_back(std::move(reader));
    }
    scheduler.step();
    if (std::ranges::none_of(runner.rows, [](const Row& row) { return row.drafts > 0; })) continue;
    if (steps > 200) pauses.push_back(steps - last - 1);
    last = steps;
  }
  pauses.erase(pauses.begin());  // since before all of them ran
  EXPECT_EQ(pauses, std::vector<size_t>(4, 64));
}

}  // namespace
}  // namespace weir::schedule
