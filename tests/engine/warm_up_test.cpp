#include "engine/warm_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/golden.h"
#include "engine/graph_buckets.h"

namespace weir::engine::test {
namespace {

/// Notes the steps that it is given.
class NotingRunner final : public schedule::Runner {
 public:
  explicit NotingRunner(schedule::ModelSpec spec) : spec_(spec) {}

  const schedule::ModelSpec& spec() const override { return spec_; }
  int depth() const override { return 1; }
  Result<void> launch(const schedule::StepPlan& plan) override {
    if (steps.size() == fails_at) return Error{.code = Code::internal, .message = "out of memory"};
    uint32_t tokens = 0;
    for (const schedule::Row& row : plan.rows) {
      EXPECT_TRUE(row.wants_output);
      EXPECT_EQ(row.tokens.size(), plan.rows[0].tokens.size());
      tokens += static_cast<uint32_t>(row.tokens.size());
      EXPECT_EQ(std::holds_alternative<work::SamplingParams>(*row.params), spec_.generates());
      if (spec_.memory.pages) {
        EXPECT_GE(row.pages.size() * spec_.page_size, row.tokens.size());
        EXPECT_LE(row.pages.size(), spec_.pages);
      }
    }
    EXPECT_EQ(plan.tokens, tokens);
    steps.push_back({static_cast<uint32_t>(plan.rows.size()),
                     static_cast<uint32_t>(plan.rows[0].tokens.size())});
    ++in_flight_;
    return {};
  }
  Result<std::vector<work::Output>> collect() override {
    EXPECT_EQ(in_flight_--, 1) << "each step is collected before the next";
    return std::vector<work::Output>(steps.back().rows);
  }

  std::vector<StepSize> steps;
  size_t fails_at = SIZE_MAX;

 private:
  const schedule::ModelSpec spec_;
  int in_flight_ = 0;
};

schedule::ModelSpec decoder() {
  return {.memory = {.pages = true}, .max_tokens = 300, .page_size = 16, .pages = 40};
}

TEST(GraphBuckets, EveryNumberOfRowsHasItsBucketAmongThem) {
  for (const int32_t most : {1, 3, 64, 100, 1024}) {
    const auto buckets = buckets_to(most);
    EXPECT_EQ(buckets.front(), bucket_of(most));
    EXPECT_TRUE(std::is_sorted(buckets.rbegin(), buckets.rend()));
    for (int32_t rows = 1; rows <= most; ++rows) {
      EXPECT_GE(bucket_of(rows), rows);
      EXPECT_TRUE(std::count(buckets.begin(), buckets.end(), bucket_of(rows)) == 1) << rows;
    }
  }
}

TEST(WarmUp, EveryGraphIsCapturedAndOnePromptOfEachSizeIsRun) {
  NotingRunner runner(decoder());
  Progress progress;
  ASSERT_TRUE(warm_up(runner, warm_up_steps(runner.spec(), 100, 640), progress));
  EXPECT_EQ(runner.steps.front().rows, 2u);
  EXPECT_EQ(runner.steps.front().tokens, 300u);
  std::multiset<uint32_t> prompts, decodes;
  for (const StepSize& step : runner.steps)
    if (step.tokens > 1 && step.rows == 1)
      prompts.insert(step.tokens);
    else if (step.tokens == 1)
      decodes.insert(step.rows);
  EXPECT_THAT(prompts, testing::ElementsAre(2, 4, 8, 16, 32, 64, 128, 256, 300));
  for (int32_t rows = 1; rows <= 100; ++rows)
    EXPECT_EQ(decodes.count(static_cast<uint32_t>(bucket_of(rows))), 2u)
        << rows << " rows: once, and once to be captured";
}

TEST(WarmUp, AnEncoderRunsWholePromptsAndItsGreatestStep) {
  NotingRunner runner(
      {.prompt = schedule::Prompt::whole, .heads = {schedule::HeadSpec{}}, .max_tokens = 512});
  Progress progress;
  ASSERT_TRUE(warm_up(runner, warm_up_steps(runner.spec(), 1024, 16384), progress));
  EXPECT_EQ(runner.steps.front().rows, 32u);
  EXPECT_EQ(runner.steps.front().tokens, 512u);
  EXPECT_EQ(runner.steps.back().tokens, 2u);
}

TEST(WarmUp, AStepThatFailsEndsIt) {
  NotingRunner runner(decoder());
  runner.fails_at = 3;
  Progress progress;
  const auto warm = warm_up(runner, warm_up_steps(runner.spec(), 100, 640), progress);
  ASSERT_FALSE(warm);
  EXPECT_EQ(warm.error().message, "out of memory");
  EXPECT_EQ(runner.steps.size(), 3u);
}

TEST(WarmUp, LeavesNothingBehindThatARequestWouldSee) {
  const std::string folder = "tests/golden/tiny/llama-gqa-tied";
  const LoadOptions options{.directory = folder, .dtype = DType::float32, .pages = 64};
  auto cold = load_runner(options), warm = load_runner(options);
  Progress progress;
  const auto steps = warm_up_steps(warm->spec(), 8, 64);
  ASSERT_TRUE(warm_up(*warm, steps, progress));
  const HandRow row{read_golden("tiny/llama-gqa-tied/golden.json")["prompts"][1]["ids"],
                    0,
                    {0, 1, 2, 3},
                    work::SamplingParams{.temperature = 0}};
  EXPECT_EQ(std::get<work::Token>(run(*warm, {row})[0]).id,
            std::get<work::Token>(run(*cold, {row})[0]).id);
}

}  // namespace
}  // namespace weir::engine::test
