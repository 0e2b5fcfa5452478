#include "app/step_limits.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr Hardware kProcessor{engine::DeviceKind::cpu, 100 * kGiB};
constexpr Hardware kGpu{engine::DeviceKind::cuda, 79 * kGiB};

engine::Description decoder() {
  engine::Description model;
  model.shape.generates = true;
  model.costs.tokens_a_read = 24;
  return model;
}

engine::Description encoder() {
  engine::Description model;
  model.shape.generates = false;
  return model;
}

TEST(StepLimits, OfAProcessor) {
  const StepLimits limits = step_limits(Config{}, kProcessor, decoder());
  EXPECT_EQ(limits.sequences, 64u);
  EXPECT_EQ(limits.tokens, 2048u);
  EXPECT_EQ(limits.least_chunk, 24u);
  EXPECT_EQ(limits.most_chunk, 64u);
  EXPECT_EQ(to_string(limits), "64 sequences, 2048 tokens, 24 to 64 of prompts beside decodes");
}

TEST(StepLimits, OfAGpuTheyAreWide) {
  const StepLimits limits = step_limits(Config{}, kGpu, decoder());
  EXPECT_EQ(limits.sequences, 1024u);
  EXPECT_EQ(limits.tokens, 8192u);
  EXPECT_EQ(limits.least_chunk, 1024u);
  EXPECT_EQ(limits.most_chunk, 1024u);
  EXPECT_EQ(to_string(limits), "1024 sequences, 8192 tokens, 1024 of prompts beside decodes");
  EXPECT_EQ(step_limits(Config{}, kGpu, encoder()).tokens, 16384u);
  const StepLimits small = step_limits(Config{}, {engine::DeviceKind::cuda, 23 * kGiB}, decoder());
  EXPECT_EQ(small.sequences, 512u);
  EXPECT_EQ(small.most_chunk, 512u);
}

TEST(StepLimits, WhatIsSetHolds) {
  const Config config{.max_num_seqs = 2000, .max_batch_tokens = 99};
  for (const Hardware& hardware : {kProcessor, kGpu}) {
    EXPECT_EQ(step_limits(config, hardware, decoder()).sequences, 2000u);
    EXPECT_EQ(step_limits(config, hardware, encoder()).tokens, 99u);
    const StepLimits chunked = step_limits(Config{.max_chunk_tokens = 100}, hardware, decoder());
    EXPECT_EQ(chunked.least_chunk, 100u);
    EXPECT_EQ(chunked.most_chunk, 100u);
  }
  EXPECT_EQ(step_limits(config, kProcessor, decoder()).most_chunk, 64u);
}

TEST(StepLimits, AChunkOfAGpuHoldsAsManyTokensAsThereAreRowsAndAtLeast512) {
  EXPECT_EQ(step_limits(Config{.max_num_seqs = 2000}, kGpu, decoder()).most_chunk, 2000u);
  EXPECT_EQ(step_limits(Config{.max_num_seqs = 64}, kGpu, decoder()).most_chunk, 512u);
}

}  // namespace
}  // namespace weir::app
