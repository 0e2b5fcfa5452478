#include "app/client/console.h"

#include <gtest/gtest.h>

namespace weir::app {
namespace {

TEST(WithoutControls, KeepsTextAndDropsWhatMovesACursor) {
  EXPECT_EQ(without_controls("a\tb\nc"), "a\tb\nc");
  EXPECT_EQ(without_controls("\x1b[2Jred\x07\r\x7f"), "[2Jred");
  EXPECT_EQ(without_controls("\xC2\x9B"
                             "2J"),
            "2J");
  EXPECT_EQ(without_controls("Grüße, 日本 🙂"), "Grüße, 日本 🙂");
  EXPECT_EQ(without_controls("\xC2"), "\xC2");
}

}  // namespace
}  // namespace weir::app
