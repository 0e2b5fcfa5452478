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

TEST(IetfHeaders, NoneWithoutLimits) { EXPECT_TRUE(ietf_limit_headers({}).empty()); }

TEST(IetfHeaders, AnItemForEachLimit) {
  std::vector<CellState> cells{
      {{Unit::requests, 3, 60s}, 1, 40s},
      {{Unit::output_tokens, 2000, 1s}, -17, 1'008'500us},
      {{.unit = Unit::tokens, .cap = 100, .calendar = Calendar::day}, 40, 3h},
      {{.unit = Unit::tokens, .cap = 1000, .calendar = Calendar::month}, 1000, 0s},
      {{.unit = Unit::concurrent, .cap = 4}, 2, 0s},
      {{Unit::capacity, 1'000'000, 1s}, 5, 1s},
  };
  EXPECT_THAT(
      ietf_limit_headers(cells),
      ElementsAre(Pair("RateLimit-Policy", R"("concurrent-requests";q=4;qu="concurrent-requests", )"
                                           R"("output-tokens-1s";q=2000;qu="output-tokens";w=1, )"
                                           R"("requests-60s";q=3;w=60, )"
                                           R"("tokens-day";q=100;qu="tokens";w=86400, )"
                                           R"("tokens-month";q=1000;qu="tokens")"),
                  Pair("RateLimit", R"("concurrent-requests";r=2, "output-tokens-1s";r=0;t=1, )"
                                    R"("requests-60s";r=1;t=20, "tokens-day";r=40;t=10800, )"
                                    R"("tokens-month";r=1000)")));
}

TEST(IetfHeaders, OfLimitsAlikeTheTightest) {
  std::vector<CellState> cells{{{Unit::requests, 3, 60s}, 2, 20s},
                               {{Unit::requests, 9, 60s}, 1, 50s}};
  EXPECT_THAT(ietf_limit_headers(cells),
              ElementsAre(Pair("RateLimit-Policy", R"("requests-60s";q=9;w=60)"),
                          Pair("RateLimit", R"("requests-60s";r=1;t=4)")));
}

}  // namespace
}  // namespace weir::traffic
