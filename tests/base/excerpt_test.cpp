#include "weir/base/excerpt.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Excerpt, WhatIsShortStaysWhole) {
  EXPECT_EQ(excerpt(""), "");
  EXPECT_EQ(excerpt(std::string(64, 'x')), std::string(64, 'x'));
}

TEST(Excerpt, WhatIsLongIsCutBetweenCharacters) {
  EXPECT_EQ(excerpt(std::string(65, 'x')), std::string(64, 'x') + "…");
  EXPECT_EQ(excerpt(std::string(63, 'x') + "日本"), std::string(63, 'x') + "…");
}

}  // namespace
}  // namespace weir
