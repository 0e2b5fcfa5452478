#include "app/intake_options.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

TEST(IntakeOptions, FollowTheMachineAndItsContainer) {
  Config config;
  config.max_body = 16 << 20;
  CgroupLimits limits;
  EXPECT_EQ(intake_options(config, 8, limits).turns, 8U);
  EXPECT_EQ(intake_options(config, 0, limits).turns, 1U);
  EXPECT_EQ(intake_options(config, 8, limits).room_bytes, size_t{384} << 20);
  limits.processors = 1.5;
  limits.memory = {.limit = uint64_t{800} << 20, .used = 0};
  EXPECT_EQ(intake_options(config, 8, limits).turns, 2U);
  EXPECT_EQ(intake_options(config, 8, limits).room_bytes, size_t{100} << 20);
  limits.memory = {.limit = uint64_t{64} << 20, .used = 0};
  EXPECT_EQ(intake_options(config, 8, limits).room_bytes, config.max_body);
}

}  // namespace
}  // namespace weir::app
