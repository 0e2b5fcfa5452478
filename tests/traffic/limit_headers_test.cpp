#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weir/traffic/gate.h"

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

namespace weir::traffic {
namespace {

TEST(LimitHeaders, NoneWithoutLimits) { EXPECT_TRUE(limit_headers({}).empty()); }

TEST(LimitHeaders, TheTightestCellOfEachUnit) {
  std::vector<CellState> cells{
      {{Unit::requests, 60, 60s}, 59, 1s},
      {{Unit::requests, 1000, 24h}, 3, 86'140'800ms},
      {{Unit::tokens, 20'000, 60s}, 19'000, 3s},
      {{Unit::output_tokens, 2000, 1s}, -17, 1'008'500us},
      {{Unit::input_tokens, 9000, 1s}, 4000, 500ms},
  };
  EXPECT_THAT(limit_headers(cells), ElementsAre(Pair("x-ratelimit-limit-requests", "1000"),
                                                Pair("x-ratelimit-remaining-requests", "3"),
                                                Pair("x-ratelimit-reset-requests", "23h55m40.8s"),
                                                Pair("x-ratelimit-limit-tokens", "2000"),
                                                Pair("x-ratelimit-remaining-tokens", "0"),
                                                Pair("x-ratelimit-reset-tokens", "1.009s")));
}

TEST(LimitHeaders, OnlyTheUnitsThatAreLimited) {
  EXPECT_THAT(limit_headers({{{Unit::requests, 2, 2s}, 1, 1s}}),
              ElementsAre(Pair("x-ratelimit-limit-requests", "2"),
                          Pair("x-ratelimit-remaining-requests", "1"),
                          Pair("x-ratelimit-reset-requests", "1s")));
}

}  // namespace
}  // namespace weir::traffic
