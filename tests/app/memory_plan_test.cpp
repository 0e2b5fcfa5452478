#include "app/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::app {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30, kMiB = uint64_t{1} << 20;

TEST(MemoryPlan, CacheBudget) {
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

TEST(MemoryPlan, WeightsThatAGpuCannotHoldAreRefused) {
  constexpr auto kCpu = engine::DeviceKind::cpu, kCuda = engine::DeviceKind::cuda;
  EXPECT_TRUE(check_weights_fit({kCuda, 80 * kGiB, 16 * kGiB}));
  EXPECT_TRUE(check_weights_fit({kCuda, 80 * kGiB, 0}));
  EXPECT_TRUE(check_weights_fit({kCpu, 10 * kGiB, 16 * kGiB}));  // main memory is shared
  const auto fit = check_weights_fit({kCuda, 10 * kGiB, 16 * kGiB});
  ASSERT_FALSE(fit);
  EXPECT_EQ(fit.error().message, "the models' weights have 16384 MiB; the GPU has 10240 MiB free");
}

TEST(MemoryPlan, TheCacheIsSharedByThoseThatHaveOne) {
  std::vector<PlannedModel> models(3);
  models[0].description.page_bytes = 1000;
  models[2].description.page_bytes = 9000;
  share_cache(models, 4 * kGiB);
  EXPECT_EQ(models[0].load.cache_bytes, 2 * kGiB);
  EXPECT_EQ(models[1].load.cache_bytes, 0u);
  EXPECT_EQ(models[2].load.cache_bytes, 2 * kGiB);
}

TEST(MemoryPlan, TheCacheTakesWhatAContainersLimitLeaves) {
  const CgroupLimits::Memory limit{.limit = 700 * kMiB, .used = 30 * kMiB};
  const Footprint others{
      .weights = 300 * kMiB, .text = 60 * kMiB, .step = 50 * kMiB, .process = 100 * kMiB};
  auto all = cache_within(limit, others, {.least = 46 * kMiB, .most = 400 * kMiB});
  ASSERT_TRUE(all);
  EXPECT_EQ(*all, 160 * kMiB);
  auto enough = cache_within(limit, others, {.least = 46 * kMiB, .most = 100 * kMiB});
  ASSERT_TRUE(enough);
  EXPECT_EQ(*enough, 100 * kMiB) << "no more than is wanted";
  auto just = cache_within(limit, others, {.least = 160 * kMiB, .most = 160 * kMiB});
  ASSERT_TRUE(just);
  EXPECT_EQ(*just, 160 * kMiB);
}

TEST(MemoryPlan, ALimitBelowTheNeedIsRefusedWithBothNumbers) {
  const CgroupLimits::Memory limit{.limit = 500 * kMiB, .used = 30 * kMiB};
  const Footprint others{
      .weights = 300 * kMiB, .text = 60 * kMiB, .step = 50 * kMiB, .process = 100 * kMiB};
  auto refused = cache_within(limit, others, {.least = 46 * kMiB, .most = 400 * kMiB});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "the container's memory limit is 500 MiB; serving these models takes 586 MiB (MiB: in "
            "use before 30, weights 300, tokenizers 60, a step 50, process and connections 100, "
            "keys and values 46)");
}

/// One decoder of 1,000 numbers a token in its cache, and an encoder.
std::vector<PlannedModel> two_models() {
  std::vector<PlannedModel> models(2);
  models[0].description.dtype = models[1].description.dtype = "bfloat16";
  models[0].description.page_bytes = 2000 * 16;
  models[0].description.max_model_len = 100'000;
  models[0].description.weight_bytes = kGiB;
  models[1].description.shape.generates = false;
  for (PlannedModel& model : models) model.description.numbers = 100 * kMiB;
  return models;
}

TEST(Footprint, ATaggersStepHoldsTheStatesOfAllLayers) {
  std::vector<PlannedModel> models(1);
  engine::Description& encoder = models[0].description;
  encoder.dtype = "bfloat16";
  encoder.shape = {.generates = false, .layers = 6, .hidden = 384};
  models[0].load.max_batch_tokens = 2048;
  const uint64_t plain = footprint(models, {}).step;
  encoder.heads = {{.task = folder::HeadTask::embed}, {.task = folder::HeadTask::tag}};
  EXPECT_EQ(footprint(models, {}).step, plain + 2 * 7 * 2048 * 384 * 2);
}

TEST(MemoryPlan, OfAProcessorTheContainersLimitCounts) {
  const Config config{.max_connections = 1024};
  auto models = two_models();
  const Hardware hardware{engine::DeviceKind::cpu, 100 * kGiB};
  auto plain = plan_memory(models, config, hardware, {});
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, kGiB / 8 * 9);
  const uint64_t others = footprint(models, config).all();
  CgroupLimits container;
  container.memory = {.limit = others + 700 * kMiB, .used = 200 * kMiB};
  auto bound = plan_memory(models, config, hardware, container);
  ASSERT_TRUE(bound);
  EXPECT_EQ(*bound, 500 * kMiB);
  EXPECT_EQ(models[0].load.cache_bytes, 500 * kMiB);
  EXPECT_EQ(models[1].load.cache_bytes, 0u);
  // 2,048 tokens take 3.9 MiB: no sequence that is worth serving is longer than the cache.
  container.memory->limit = others + 203 * kMiB;
  EXPECT_FALSE(plan_memory(models, config, hardware, container));
  container.memory->limit = others + 204 * kMiB;
  EXPECT_TRUE(plan_memory(models, config, hardware, container));
  const Config set{.memory = 600 * kMiB, .max_connections = 1024};
  container.memory->limit = others + 700 * kMiB;
  EXPECT_FALSE(plan_memory(models, set, hardware, container)) << "what is set is no wish";
}

TEST(MemoryPlan, OfAGpuTheContainersLimitDoesNotCount) {
  auto models = two_models();
  CgroupLimits container;
  container.memory = {.limit = kGiB, .used = kMiB};
  auto planned = plan_memory(models, Config{}, {engine::DeviceKind::cuda, 80 * kGiB}, container);
  ASSERT_TRUE(planned);
  EXPECT_EQ(*planned, 71 * kGiB);
}

TEST(MemoryPlan, OfAGpuEachCacheTakesAPartOfWhatTheWarmUpLeaves) {
  std::vector<PlannedModel> models(3);
  for (size_t i : {0, 2}) models[i].description.page_bytes = 1000;
  for (PlannedModel& model : models) model.description.weight_bytes = 10 * kGiB;
  const Hardware gpu{engine::DeviceKind::cuda, 80 * kGiB};
  ASSERT_TRUE(plan_memory(models, Config{}, gpu, {}));
  // The last: all that its own warm-up leaves but a twentieth. The first: half of what is left
  // beside the weights and steps of the two that follow.
  ASSERT_TRUE(models[2].load.left_over);
  EXPECT_EQ(models[2].load.left_over->part_of(30 * kGiB), 26 * kGiB);
  EXPECT_EQ(models[2].load.left_over->part_of(3 * kGiB), 0u);
  ASSERT_TRUE(models[0].load.left_over);
  EXPECT_EQ(models[0].load.left_over->part_of(68 * kGiB), 20 * kGiB);
  EXPECT_FALSE(models[1].load.left_over) << "an encoder has no cache";
  auto set = models;
  for (PlannedModel& model : set) model.load.left_over.reset();
  ASSERT_TRUE(plan_memory(set, Config{.memory = kGiB}, gpu, {}));
  EXPECT_FALSE(set[0].load.left_over) << "what is set holds";
}

TEST(Footprint, ATiedTableIsCountedAsATableAndAsAProduct) {
  std::vector<PlannedModel> models(1);
  engine::Description& is = models[0].description;
  is.dtype = "bfloat16";
  is.costs.bits_a_weight = 12;
  is.numbers = 134 * kMiB;
  is.shape.vocabulary = 49152;
  is.shape.hidden = 512;
  EXPECT_EQ(footprint(models, Config{}).weights, 24 * kMiB * 2 + 110 * kMiB * 3 / 2);
  is.shape.tied = true;
  EXPECT_EQ(footprint(models, Config{}).weights, 24 * kMiB * 2 + 134 * kMiB * 3 / 2);
  is.numbers = 0;
  EXPECT_EQ(footprint(models, Config{}).weights, 0u) << "random weights: not known";
}

}  // namespace
}  // namespace weir::app
