#include "weir/base/service_order.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Turn, LevelThenServiceThenAge) {
  const Turn high{.level = 6, .served = 9, .arrival = 9};
  const Turn light{.level = 5, .served = 1, .arrival = 8};
  const Turn old{.level = 5, .served = 2, .arrival = 1},
      young{.level = 5, .served = 2, .arrival = 2};
  const Turn in_order[] = {high, light, old, young};
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 4; ++j) EXPECT_EQ(in_order[i].before(in_order[j]), i < j) << i << j;
}

TEST(FairOrder, LevelIsThePriorityAndAChargeIsDividedByTheWeight) {
  EXPECT_EQ(fair_order().level(0, 3), 0u);
  EXPECT_EQ(fair_order().level(9, 1), 9u);
  EXPECT_EQ(fair_order().level(-1, 1), 0u);
  EXPECT_EQ(fair_order().level(10, 1), ServiceOrder::kLevels - 1);
  EXPECT_EQ(fair_order().charge(6, 3), 2);
  EXPECT_LT(fair_order().charge(6, 0), 1e9);
}

}  // namespace
}  // namespace weir
