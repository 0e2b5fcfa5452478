#include "app/plan.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

TEST(Plan, CacheBudget) {
  constexpr auto kCpu = engine::DeviceKind::cpu, kCuda = engine::DeviceKind::cuda;
  EXPECT_EQ(cache_budget(Config{.memory = 7}, {kCpu, 100 * kGiB, kGiB}), 7u);
  EXPECT_EQ(cache_budget(Config{}, {kCpu, 100 * kGiB, kGiB / 2}), 9 * (kGiB / 16));
  EXPECT_EQ(cache_budget(Config{}, {kCpu, 8 * kGiB, 5 * kGiB}), 2 * kGiB);
  EXPECT_EQ(cache_budget(Config{}, {kCpu, 100 * kGiB, 5 * kGiB}), 4 * kGiB);
  EXPECT_EQ(cache_budget(Config{}, {kCpu, 100 * kGiB, 1}), kGiB / 4);
  EXPECT_EQ(cache_budget(Config{}, {kCpu, 100 * kGiB, kGiB, 3 * kGiB}), 3 * kGiB);
  EXPECT_EQ(cache_budget(Config{}, {kCpu, 100 * kGiB, kGiB, 9 * kGiB}), 4 * kGiB);
  EXPECT_EQ(cache_budget(Config{}, {kCuda, 80 * kGiB, 16 * kGiB}), 56 * kGiB);
  EXPECT_EQ(cache_budget(Config{}, {kCuda, 80 * kGiB, 0}), 36 * kGiB);
  EXPECT_EQ(cache_budget(Config{}, {kCuda, 10 * kGiB, 16 * kGiB}), 0u);
}

TEST(Plan, WeightsThatAGpuCannotHoldAreRefused) {
  constexpr auto kCpu = engine::DeviceKind::cpu, kCuda = engine::DeviceKind::cuda;
  EXPECT_TRUE(check_weights_fit({kCuda, 80 * kGiB, 16 * kGiB}));
  EXPECT_TRUE(check_weights_fit({kCuda, 80 * kGiB, 0}));
  EXPECT_TRUE(check_weights_fit({kCpu, 10 * kGiB, 16 * kGiB}));  // its files are mapped
  const auto fit = check_weights_fit({kCuda, 10 * kGiB, 16 * kGiB});
  ASSERT_FALSE(fit);
  EXPECT_EQ(fit.error().message, "the models' weights have 16384 MiB; the GPU has 10240 MiB free");
}

TEST(Plan, ChunkBesideDecodes) {
  constexpr auto kCpu = engine::DeviceKind::cpu, kCuda = engine::DeviceKind::cuda;
  EXPECT_EQ(chunk_tokens(Config{}, kCpu), 64u);
  engine::Description model;
  model.costs.tokens_a_read = 32;
  EXPECT_EQ(least_chunk_tokens(Config{}, kCpu, model), 32u);
  EXPECT_EQ(chunk_tokens(Config{}, kCuda), 512u);
  EXPECT_EQ(least_chunk_tokens(Config{}, kCuda, model), 512u);
  EXPECT_EQ(least_chunk_tokens(Config{.max_chunk_tokens = 100}, kCpu, model), 100u);
}

TEST(Plan, TheCacheIsSharedByThoseThatHaveOne) {
  std::vector<PlannedModel> models(3);
  models[0].description.page_bytes = 1000;
  models[2].description.page_bytes = 9000;
  share_cache(models, 4 * kGiB);
  EXPECT_EQ(models[0].load.cache_bytes, 2 * kGiB);
  EXPECT_EQ(models[1].load.cache_bytes, 0u);
  EXPECT_EQ(models[2].load.cache_bytes, 2 * kGiB);
}

TEST(Plan, OptionsOfAModelReachTheLoader) {
  Config config{.load_format = "dummy", .max_num_seqs = 5, .max_batch_tokens = 6, .page_size = 32};
  auto options = load_options({"n", "/m/n", "bfloat16", 77}, config);
  EXPECT_EQ(options.directory, "/m/n");
  EXPECT_EQ(options.dtype, engine::DType::bfloat16);
  EXPECT_EQ(options.max_model_len, 77u);
  EXPECT_EQ(options.max_sequences, 5u);
  EXPECT_EQ(options.max_batch_tokens, 6u);
  EXPECT_EQ(options.page_size, 32u);
  EXPECT_TRUE(options.dummy);
}

}  // namespace
}  // namespace weir::app
