#include "schedule/outlooks.h"

#include <gtest/gtest.h>

#include "schedule/fair_share.h"

namespace weir::schedule {
namespace {

using namespace std::chrono_literals;

class OutlooksTest : public testing::Test {
 protected:
  /// What a sequence teaches whose wait was predicted as `foretold` and that began after `waited`.
  double lateness_after(std::chrono::milliseconds foretold, std::chrono::milliseconds waited) {
    Sequence sequence;
    sequence.request.arrival = TimePoint{1h};
    sequence.request.foretold = foretold;
    outlooks_.started(TimePoint{1h} + waited, sequence);
    return outlooks_.now(TimePoint{1h}, {}, policy_).lateness;
  }

  const SchedulerOptions options_{.max_sequences = 4, .max_batch_tokens = 100};
  Outlooks outlooks_{{}, options_};
  const FairSharePolicy policy_{options_};
};

TEST_F(OutlooksTest, LatenessIsLearnedFromTheWaits) {
  EXPECT_EQ(lateness_after(499ms, 900ms), 1);  // too short to say anything
  EXPECT_DOUBLE_EQ(lateness_after(1000ms, 1500ms), 1.5);
  for (int i = 0; i < 200; ++i) lateness_after(1000ms, 1200ms);
  EXPECT_NEAR(lateness_after(1000ms, 1200ms), 1.2, 0.01);
}

TEST_F(OutlooksTest, OneWaitTeachesAFactorOfTwoAtMost) {
  EXPECT_DOUBLE_EQ(lateness_after(1000ms, 30s), 2);
  for (int i = 0; i < 500; ++i) lateness_after(1000ms, 0ms);
  EXPECT_NEAR(lateness_after(1000ms, 0ms), 0.5, 1e-6);
}

TEST_F(OutlooksTest, SeatsBecomeFreeInAscendingOrder) {
  std::vector<std::unique_ptr<Sequence>> running;
  for (uint32_t limit : {50u, 10u, 90u}) {
    running.push_back(std::make_unique<Sequence>());
    running.back()->limit = limit;
    running.back()->prompt_tokens = 1;
    running.back()->planned = 1;
    running.back()->tokens = {1, 2};
  }
  outlooks_.step({.decodes = 3}, 0.01);
  const auto free_in = outlooks_.now(TimePoint{1h}, running, policy_).free_in;
  ASSERT_EQ(free_in.size(), 3u);
  EXPECT_NEAR(free_in[0], 0.09, 1e-6);  // a token is there already
  EXPECT_NEAR(free_in[1], 0.49, 1e-6);
  EXPECT_NEAR(free_in[2], 0.89, 1e-6);
}

TEST_F(OutlooksTest, ADraftCostsMoreThanNothingAndAtMostAToken) {
  EXPECT_GT(outlooks_.draft_cost(1), 0);
  for (uint32_t i = 0; i < 200; ++i)
    outlooks_.step({.decodes = 1 + i % 8}, 0.0001 * (1 + i % 8));  // rows cost, steps do not
  for (uint32_t decodes : {1u, 8u, 100u}) {
    EXPECT_GT(outlooks_.draft_cost(decodes), 0.9);
    EXPECT_LE(outlooks_.draft_cost(decodes), 1);
  }
  for (uint32_t i = 0; i < 2000; ++i) outlooks_.step({.decodes = 1 + i % 8}, 0.01);
  EXPECT_DOUBLE_EQ(outlooks_.draft_cost(1), 0.05);
}

}  // namespace
}  // namespace weir::schedule
