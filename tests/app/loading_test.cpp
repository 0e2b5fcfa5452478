#include "app/loading.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

TEST(Loading, LineAndBar) {
  Progress::State state{
      .phase = "reading weights", .percent = 45.7, .left = std::chrono::seconds(3)};
  EXPECT_EQ(progress_line("smol", state), "model smol: reading weights, 45%, 3 s left");
  EXPECT_EQ(progress_bar("smol", state),
            "[##########..............] 45% smol reading weights, 3 s left");
  EXPECT_EQ(progress_line("smol", {.phase = "starting"}), "model smol: starting, 0%");
  EXPECT_EQ(progress_bar("smol", {.phase = "ready", .percent = 130}),
            "[########################] 100% smol ready");
}

}  // namespace
}  // namespace weir::app
