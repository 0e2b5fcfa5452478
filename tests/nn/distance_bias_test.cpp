#include "weir/nn/distance_bias.h"

#include <gtest/gtest.h>

#include <vector>

#include "fakes/seeded_weights.h"
#include "weir/kernels/thread_pool.h"

namespace weir::nn {
namespace {

using Rule = DistanceBias::Rule;

/// A distance and the bucket of all from there to the next entry.
struct Step {
  int64_t from, bucket;
};
struct Case {
  Rule rule;
  std::vector<Step> steps;
};

// What _relative_position_bucket of transformers 5.23 gives.
const Case kCases[] = {
    {{.buckets = 32, .max_distance = 128, .both_ways = true},
     {{-1100, 15}, {-90, 14}, {-63, 13}, {-45, 12}, {-31, 11}, {-22, 10}, {-15, 9}, {-11, 8},
      {-7, 7},     {-6, 6},   {-5, 5},   {-4, 4},   {-3, 3},   {-2, 2},   {-1, 1},  {0, 0},
      {1, 17},     {2, 18},   {3, 19},   {4, 20},   {5, 21},   {6, 22},   {7, 23},  {8, 24},
      {12, 25},    {16, 26},  {23, 27},  {32, 28},  {46, 29},  {64, 30},  {91, 31}}},
    {{.buckets = 32, .max_distance = 128},
     {{-1100, 31}, {-112, 30}, {-98, 29}, {-86, 28}, {-76, 27}, {-66, 26}, {-58, 25}, {-51, 24},
      {-45, 23},   {-39, 22},  {-34, 21}, {-30, 20}, {-26, 19}, {-23, 18}, {-20, 17}, {-18, 16},
      {-15, 15},   {-14, 14},  {-13, 13}, {-12, 12}, {-11, 11}, {-10, 10}, {-9, 9},   {-8, 8},
      {-7, 7},     {-6, 6},    {-5, 5},   {-4, 4},   {-3, 3},   {-2, 2},   {-1, 1},   {0, 0}}},
    {{.buckets = 8, .max_distance = 12, .both_ways = true},
     {{-1100, 3}, {-4, 2}, {-1, 1}, {0, 0}, {1, 5}, {2, 6}, {5, 7}}},
    {{.buckets = 8, .max_distance = 12},
     {{-1100, 7}, {-9, 6}, {-6, 5}, {-5, 4}, {-3, 3}, {-2, 2}, {-1, 1}, {0, 0}}},
};

TEST(DistanceBias, BucketsAreTheReferences) {
  for (const Case& each : kCases)
    for (size_t i = 0; i < each.steps.size(); ++i) {
      const int64_t end = i + 1 < each.steps.size() ? each.steps[i + 1].from : 1100;
      for (int64_t distance = each.steps[i].from; distance < end; ++distance)
        ASSERT_EQ(DistanceBias::bucket(distance, each.rule), each.steps[i].bucket)
            << each.rule.buckets << " buckets, distance " << distance;
    }
}

class Built : public ::testing::Test {
 protected:
  DistanceBias build(const Rule& rule) {
    return {Builder({folder_, config_, weights_, *backend_, at::kFloat, 0}), "bias", 3, rule};
  }
  kernels::ThreadPool pool_{1};
  std::unique_ptr<Backend> backend_ = make_cpu_backend(pool_);
  std::string folder_ = "nowhere";
  ConfigFile config_{"config.json", nlohmann::json::object()};
  fakes::SeededWeights weights_;
};

TEST_F(Built, EachDistanceHasTheWeightOfItsBucket) {
  for (const Case& each : kCases) {
    const DistanceBias bias = build(each.rule);
    const kernels::DistanceBias view = bias.view();
    const at::Tensor table = weights_["bias.weight"];  // (buckets, heads)
    weights_ = {};
    EXPECT_EQ(view.left, each.rule.max_distance);
    EXPECT_EQ(view.right, each.rule.both_ways ? each.rule.max_distance : 0);
    for (int64_t head = 0; head < 3; ++head)
      for (int64_t d = -view.left; d <= view.right; ++d)
        EXPECT_EQ(view.data[head * (view.left + 1 + view.right) + d + view.left],
                  table[DistanceBias::bucket(d, each.rule)][head].item<float>())
            << "head " << head << ", distance " << d;
  }
}

TEST_F(Built, RulesWithoutWideningBucketsAreRefused) {
  const auto message = [&](const Rule& rule) {
    try {
      build(rule);
    } catch (const LoadError& refusal) {
      return std::string(refusal.what());
    }
    return std::string("taken");
  };
  EXPECT_EQ(message({.buckets = 3, .max_distance = 128, .both_ways = true}),
            "config.json: relative_attention_num_buckets is 3; an encoder-decoder has at least 4");
  EXPECT_EQ(message({.buckets = 32, .max_distance = 16}),
            "config.json: relative_attention_max_distance is 16; with 32 buckets 17 to 65536 are "
            "supported");
  EXPECT_EQ(message({.buckets = 32, .max_distance = 65537}),
            "config.json: relative_attention_max_distance is 65537; with 32 buckets 17 to 65536 "
            "are supported");
}

}  // namespace
}  // namespace weir::nn
