#include "weir/traffic/limiter.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <thread>

using namespace std::chrono_literals;

namespace weir::traffic {
namespace {

using Kind = Decision::Kind;

/// A store under the conformance suite; another one is one more line in INSTANTIATE_TEST_SUITE_P.
struct Store {
  std::string name;
  std::function<std::unique_ptr<Limiter>()> make;
};

class LimiterConformance : public testing::TestWithParam<Store> {
 protected:
  TimePoint at(std::chrono::microseconds t) const { return start_ + t; }
  std::unique_ptr<Limiter> limiter_ = GetParam().make();
  const TimePoint start_ = TimePoint(1000h);
};

int64_t ms(std::chrono::microseconds duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

/// "KIND worst retry_ms | remaining full_in_ms | ..." with worst counted from 1, as traffic.md
/// writes it.
std::string text_of(const std::vector<CellState>& cells) {
  std::string text;
  for (const CellState& cell : cells) {
    text += " | " + std::to_string(cell.remaining) + " " + std::to_string(ms(cell.full_in));
  }
  return text;
}

std::string text_of(const Decision& decision) {
  std::string head;
  switch (decision.kind) {
    case Kind::taken:
      head = "1 0 0";
      break;
    case Kind::later:
      head =
          "0 " + std::to_string(decision.worst + 1) + " " + std::to_string(ms(decision.retry_in));
      break;
    case Kind::never:
      head = "-1 -1 0";
      break;
  }
  return head + text_of(decision.cells);
}

TEST_P(LimiterConformance, GivesTheVectors) {
  const std::vector<Cell> cells{{"key:a/requests/60s", {Unit::requests, 3, 60s}},
                                {"key:a/tokens/60s", {Unit::tokens, 1000, 60s}}};
  auto take = [&](std::chrono::seconds t, int64_t requests, int64_t tokens) {
    Cost cost{
        .requests = requests, .input_tokens = tokens / 3, .output_tokens = tokens - tokens / 3};
    return text_of(limiter_->take(cells, cost, at(t)));
  };
  auto adjust = [&](std::chrono::seconds t, int64_t requests, int64_t tokens) {
    return "1 0 0" + text_of(limiter_->adjust(
                         cells, Cost{.requests = requests, .input_tokens = tokens}, at(t)));
  };
  EXPECT_EQ(take(0s, 1, 400), "1 0 0 | 2 20000 | 600 24000");
  EXPECT_EQ(take(0s, 1, 400), "1 0 0 | 1 40000 | 200 48000");
  EXPECT_EQ(take(0s, 1, 400), "0 2 12000 | 1 40000 | 200 48000");
  EXPECT_EQ(take(1s, 1, 200), "1 0 0 | 0 59000 | 16 59000");
  EXPECT_EQ(adjust(1s, 0, -300), "1 0 0 | 0 59000 | 316 41000");
  EXPECT_EQ(take(1s, 1, 200), "0 1 19000 | 0 59000 | 316 41000");
  EXPECT_EQ(take(20s, 1, 50), "1 0 0 | 0 60000 | 583 25000");
  EXPECT_EQ(adjust(20s, 0, 900), "1 0 0 | 0 60000 | -317 79000");
  EXPECT_EQ(take(20s, 1, 1), "0 1 20000 | 0 60000 | -317 79000");
  EXPECT_EQ(take(80s, 1, 1), "1 0 0 | 2 20000 | 682 19060");
  EXPECT_EQ(take(80s, 1, 1001), "-1 -1 0 | 2 20000 | 682 19060");
  EXPECT_EQ(take(200s, 1, 1000), "1 0 0 | 2 20000 | 0 60000");
}

TEST_P(LimiterConformance, NamesTheCellThatNeverFits) {
  const std::vector<Cell> cells{{"a", {Unit::requests, 3, 60s}},
                                {"b", {Unit::output_tokens, 10, 1s}}};
  Decision decision = limiter_->take(cells, Cost{.requests = 1, .output_tokens = 11}, at(0s));
  EXPECT_EQ(decision.kind, Kind::never);
  EXPECT_EQ(decision.worst, 1);
  EXPECT_EQ(decision.cells[0].remaining, 3);
}

TEST_P(LimiterConformance, CountsEachUnitByItself) {
  const std::vector<Cell> cells{{"r", {Unit::requests, 100, 1s}},
                                {"t", {Unit::tokens, 100, 1s}},
                                {"i", {Unit::input_tokens, 100, 1s}},
                                {"o", {Unit::output_tokens, 100, 1s}}};
  Decision decision =
      limiter_->take(cells, Cost{.requests = 1, .input_tokens = 20, .output_tokens = 7}, at(0s));
  ASSERT_EQ(decision.kind, Kind::taken);
  EXPECT_EQ(decision.cells[0].remaining, 99);
  EXPECT_EQ(decision.cells[1].remaining, 73);
  EXPECT_EQ(decision.cells[2].remaining, 80);
  EXPECT_EQ(decision.cells[3].remaining, 93);
}

TEST_P(LimiterConformance, IsExactWhereAUnitIsNoWholeTime) {
  // 7 units in 1 s: a unit is 142857.14... us. Back to the full unit after every settlement,
  // whatever came between.
  const std::vector<Cell> cells{{"a", {Unit::tokens, 7, 1s}}};
  std::mt19937 random(7);
  for (int i = 0; i < 10'000; ++i) {
    int64_t some = 1 + static_cast<int64_t>(random() % 7);
    ASSERT_EQ(limiter_->take(cells, Cost{.output_tokens = some}, at(0s)).kind, Kind::taken);
    ASSERT_EQ(limiter_->adjust(cells, Cost{.output_tokens = -some}, at(0s))[0].full_in, 0us);
  }
  ASSERT_EQ(limiter_->take(cells, Cost{.output_tokens = 7}, at(0s)).kind, Kind::taken);
  EXPECT_EQ(limiter_->take(cells, Cost{.output_tokens = 1}, at(0s)).retry_in, 142'858us);
  EXPECT_EQ(limiter_->take(cells, Cost{.output_tokens = 1}, at(142'857us)).kind, Kind::later);
  EXPECT_EQ(limiter_->take(cells, Cost{.output_tokens = 1}, at(142'858us)).kind, Kind::taken);
}

TEST_P(LimiterConformance, HoldsMoreUnitsThanMicroseconds) {
  const std::vector<Cell> cells{{"a", {Unit::tokens, 1'000'000'000'000, 24h * 365}}};
  Decision decision = limiter_->take(cells, Cost{.input_tokens = 999'999'999'999}, at(0s));
  ASSERT_EQ(decision.kind, Kind::taken);
  EXPECT_EQ(decision.cells[0].remaining, 1);
  EXPECT_EQ(limiter_->take(cells, Cost{.input_tokens = 2}, at(0s)).retry_in,
            32us);  // 31.5 us a unit
}

TEST_P(LimiterConformance, ARefundNeverFillsPastTheCap) {
  const std::vector<Cell> cells{{"a", {Unit::tokens, 10, 1s}}};
  EXPECT_EQ(limiter_->adjust(cells, Cost{.input_tokens = -50}, at(0s))[0].remaining, 10);
  EXPECT_EQ(limiter_->take(cells, Cost{.input_tokens = 10}, at(0s)).kind, Kind::taken);
  EXPECT_EQ(limiter_->take(cells, Cost{.input_tokens = 1}, at(0s)).kind, Kind::later);
}

TEST_P(LimiterConformance, AnOlderTimeGivesNothingBack) {
  const std::vector<Cell> cells{{"a", {Unit::requests, 2, 2s}}};
  ASSERT_EQ(limiter_->take(cells, Cost{.requests = 2}, at(10s)).kind, Kind::taken);
  EXPECT_EQ(limiter_->take(cells, Cost{.requests = 1}, at(9s)).kind, Kind::later);
  EXPECT_EQ(limiter_->take(cells, Cost{.requests = 1}, at(11s)).kind, Kind::taken);
}

TEST_P(LimiterConformance, AQuotaDoesNotLeakAndPaysWhenItsPeriodEnds) {
  const std::vector<Cell> today{
      {"q/day/1", {.unit = Unit::tokens, .cap = 100, .calendar = Calendar::day}, at(10h)}};
  const std::vector<Cell> tomorrow{
      {"q/day/2", {.unit = Unit::tokens, .cap = 100, .calendar = Calendar::day}, at(34h)}};
  ASSERT_EQ(limiter_->take(today, Cost{.input_tokens = 90}, at(0s)).kind, Kind::taken);
  Decision refused = limiter_->take(today, Cost{.input_tokens = 11}, at(9h));
  EXPECT_EQ(refused.kind, Kind::later);
  EXPECT_EQ(refused.worst, 0);
  EXPECT_EQ(refused.retry_in, 1h);
  EXPECT_EQ(refused.cells[0].remaining, 10);
  EXPECT_EQ(refused.cells[0].full_in, 1h);
  EXPECT_EQ(limiter_->adjust(today, Cost{.input_tokens = -40}, at(9h))[0].remaining, 50);
  EXPECT_EQ(limiter_->take(today, Cost{.input_tokens = 101}, at(9h)).kind, Kind::never);
  EXPECT_EQ(limiter_->take(tomorrow, Cost{.input_tokens = 100}, at(10h)).kind, Kind::taken);
  EXPECT_EQ(limiter_->adjust(today, Cost{}, at(11h))[0].remaining, 50) << "still to be settled";
}

TEST_P(LimiterConformance, ACountIsGivenBackBySettlementAlone) {
  const std::vector<Cell> cells{{"c", {.unit = Unit::concurrent, .cap = 2}},
                                {"t", {Unit::tokens, 100, 1s}}};
  const Cost one{.input_tokens = 10, .concurrent = 1};
  ASSERT_EQ(limiter_->take(cells, one, at(0s)).kind, Kind::taken);
  ASSERT_EQ(limiter_->take(cells, one, at(0s)).kind, Kind::taken);
  Decision refused = limiter_->take(cells, one, at(1h));
  EXPECT_EQ(refused.kind, Kind::later);
  EXPECT_EQ(refused.worst, 0);
  EXPECT_EQ(refused.retry_in, kUnforeseen);
  EXPECT_EQ(refused.cells[0].remaining, 0);
  EXPECT_EQ(refused.cells[1].remaining, 100) << "all or nothing";
  EXPECT_EQ(limiter_->adjust(cells, Cost{.concurrent = -1}, at(1h))[0].remaining, 1);
  EXPECT_EQ(limiter_->take(cells, one, at(1h)).kind, Kind::taken);
}

TEST_P(LimiterConformance, NoCellsRefuseNothing) {
  EXPECT_EQ(limiter_->take({}, Cost{.requests = 1}, at(0s)).kind, Kind::taken);
}

TEST_P(LimiterConformance, ThreadsNeverTakeMoreThanThereIs) {
  const std::vector<Cell> cells{{"a", {Unit::requests, 1000, 1h}}, {"b", {Unit::tokens, 5000, 1h}}};
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 2000; ++n) {
        Decision decision = limiter_->take(cells, Cost{.requests = 1, .input_tokens = 3}, at(0s));
        if (decision.kind == Kind::taken) ++taken;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 1000);
  EXPECT_EQ(limiter_->adjust(cells, Cost{}, at(0s))[1].remaining, 2000);
}

INSTANTIATE_TEST_SUITE_P(Stores, LimiterConformance,
                         testing::Values(Store{"memory", [] { return make_memory_limiter(); }}),
                         [](const auto& store) { return store.param.name; });

}  // namespace
}  // namespace weir::traffic
