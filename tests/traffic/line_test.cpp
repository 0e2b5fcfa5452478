#include "traffic/line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

using namespace std::chrono_literals;
using testing::ElementsAre;

namespace weir::traffic {
namespace {

constexpr auto kHour = 1h;

/// Lines driven by hand: arrivals, then settle at chosen times.
struct Rank {
  double weight = 1;
  int priority = 5;
};

class LineTest : public testing::Test {
 protected:
  Waiter& arrive(const std::string& client, const std::vector<Limit>& own, const Cost& cost,
                 std::chrono::microseconds max_wait = kHour, const std::string& model = "m",
                 Rank rank = {}) {
    auto waiter = std::make_unique<Waiter>();
    waiter->client = client;
    waiter->model = model;
    waiter->cost = cost;
    waiter->weight = rank.weight;
    waiter->priority = rank.priority;
    waiter->deadline = now_ + max_wait;
    auto cells = std::make_shared<std::vector<Cell>>();
    for (size_t i = 0; i < own.size(); ++i) {
      cells->push_back({"key:" + client + "/" + std::to_string(i), own[i]});
    }
    for (size_t i = 0; i < model_.size(); ++i) {
      cells->push_back({"model:" + model + "/" + std::to_string(i), model_[i]});
    }
    waiter->cells = cells;
    line_.join(*waiter);
    waiters_.push_back(std::move(waiter));
    settle();
    return *waiters_.back();
  }

  void settle() {
    for (Waiter* waiter : line_.settle(now_)) {
      if (waiter->state == Waiter::State::admitted) admitted_.push_back(waiter);
    }
  }

  /// Settles whenever somebody is due, until `end`.
  void run_until(std::chrono::microseconds end) {
    while (true) {
      TimePoint next = TimePoint::max();
      for (const auto& waiter : waiters_) {
        if (waiter->state == Waiter::State::waiting) next = std::min(next, waiter->due);
      }
      if (next > start_ + end) break;
      now_ = std::max(now_, next);
      size_t before = line_.size();
      settle();
      ASSERT_LT(line_.size(), before) << "somebody was due and nobody went";
    }
    now_ = start_ + end;
  }

  std::vector<std::string> order() const {
    std::vector<std::string> names;
    for (const Waiter* waiter : admitted_) names.push_back(waiter->client);
    return names;
  }
  std::chrono::microseconds due_in(const Waiter& waiter) const {
    return std::chrono::duration_cast<std::chrono::microseconds>(waiter.due - now_);
  }

  const TimePoint start_ = TimePoint(1000h);
  TimePoint now_ = start_;
  std::unique_ptr<Limiter> limiter_ = make_memory_limiter();
  Line line_{*limiter_};
  std::vector<Limit> model_;
  std::vector<std::unique_ptr<Waiter>> waiters_;
  std::vector<Waiter*> admitted_;
};

const Cost kOne{.requests = 1};

TEST_F(LineTest, FourOnABucketOfTwoGoAtZeroZeroOneTwo) {
  std::vector<Limit> two{{Unit::requests, 2, 2s}};
  Waiter& a = arrive("a", two, kOne, 3s);
  Waiter& b = arrive("a", two, kOne, 3s);
  Waiter& c = arrive("a", two, kOne, 3s);
  Waiter& d = arrive("a", two, kOne, 3s);
  Waiter& e = arrive("a", two, kOne, 3s);
  Waiter& f = arrive("a", two, kOne, 3s);
  EXPECT_EQ(a.state, Waiter::State::admitted);
  EXPECT_EQ(b.state, Waiter::State::admitted);
  EXPECT_EQ(due_in(c), 1s);
  EXPECT_EQ(due_in(d), 2s);
  EXPECT_EQ(due_in(e), 3s);
  EXPECT_EQ(f.state, Waiter::State::refused);
  EXPECT_EQ(due_in(f), 4s);
  EXPECT_EQ(f.blocker->id, "key:a/0");
  run_until(1s);
  EXPECT_THAT(admitted_, ElementsAre(&a, &b, &c));
  run_until(1999ms);
  EXPECT_EQ(d.state, Waiter::State::waiting);
  run_until(3s);
  EXPECT_THAT(admitted_, ElementsAre(&a, &b, &c, &d, &e));
}

TEST_F(LineTest, ASmallOneDoesNotOvertakeItsOwnClientsBigOne) {
  std::vector<Limit> tokens{{Unit::tokens, 100, 10s}};
  arrive("a", tokens, Cost{.input_tokens = 90});
  Waiter& big = arrive("a", tokens, Cost{.input_tokens = 80});
  Waiter& small = arrive("a", tokens, Cost{.input_tokens = 5});
  EXPECT_EQ(big.state, Waiter::State::waiting);
  EXPECT_EQ(small.state, Waiter::State::waiting)
      << "10 tokens are there, but the big one is before";
  EXPECT_EQ(due_in(big), 7s);
  EXPECT_EQ(due_in(small), 7500ms);
}

TEST_F(LineTest, ClientsThatWaitForTheirKeyLetOthersPass) {
  model_ = {{Unit::requests, 100, 1s}};
  std::vector<Limit> tight{{Unit::requests, 1, 60s}};
  arrive("a", tight, kOne);
  Waiter& stuck = arrive("a", tight, kOne);
  Waiter& other = arrive("b", {}, kOne, 0s);
  EXPECT_EQ(stuck.state, Waiter::State::waiting);
  EXPECT_EQ(other.state, Waiter::State::admitted);
}

TEST_F(LineTest, ClientsTakeTurnsAtTheModelsBuckets) {
  model_ = {{Unit::requests, 1, 1s}};
  arrive("a", {}, kOne);
  for (int i = 0; i < 4; ++i) arrive("a", {}, kOne);
  Waiter& b = arrive("b", {}, kOne);
  arrive("b", {}, kOne);
  arrive("c", {}, kOne);
  EXPECT_EQ(due_in(b), 2s) << "second in turn, though four came before it";
  run_until(20s);
  EXPECT_THAT(order(), ElementsAre("a", "a", "b", "c", "a", "b", "a", "a"));
}

TEST_F(LineTest, ASmallOneDoesNotOvertakeWhoWaitsForTheModel) {
  model_ = {{Unit::tokens, 100, 10s}};
  arrive("a", {}, Cost{.input_tokens = 90});
  Waiter& big = arrive("a", {}, Cost{.input_tokens = 80});
  Waiter& small = arrive("b", {}, Cost{.input_tokens = 5});
  EXPECT_EQ(due_in(big), 7s);
  EXPECT_EQ(small.state, Waiter::State::waiting);
  EXPECT_EQ(due_in(small), 7500ms);
  run_until(8s);
  EXPECT_THAT(order(), ElementsAre("a", "a", "b"));
}

TEST_F(LineTest, WhoNeedsNothingOfTheBucketStillWaitsItsTurnAndSaysForWhat) {
  model_ = {{Unit::output_tokens, 10, 10s}};
  arrive("a", {}, Cost{.output_tokens = 10});
  arrive("a", {}, Cost{.output_tokens = 5});
  Waiter& late = arrive("a", {}, kOne, 1s);
  EXPECT_EQ(late.state, Waiter::State::refused);
  EXPECT_EQ(due_in(late), 5s);
  EXPECT_EQ(late.blocker->id, "model:m/0");
}

TEST_F(LineTest, AnArrivalWithTheTurnPushesTheLastPastItsDeadline) {
  model_ = {{Unit::requests, 1, 1s}};
  arrive("a", {}, kOne);
  arrive("a", {}, kOne, 2s);
  Waiter& last = arrive("a", {}, kOne, 2s);
  EXPECT_EQ(last.state, Waiter::State::waiting);
  Waiter& b = arrive("b", {}, kOne, 2s);
  EXPECT_EQ(b.state, Waiter::State::waiting);
  EXPECT_EQ(last.state, Waiter::State::refused);
  EXPECT_EQ(due_in(last), 3s);
}

TEST_F(LineTest, ARefusedOneDoesNotCountForThoseBehind) {
  std::vector<Limit> tokens{{Unit::tokens, 100, 100s}};
  arrive("a", tokens, Cost{.input_tokens = 100});
  Waiter& big = arrive("a", tokens, Cost{.input_tokens = 100}, 10s);
  Waiter& small = arrive("a", tokens, Cost{.input_tokens = 5}, 10s);
  EXPECT_EQ(big.state, Waiter::State::refused);
  EXPECT_EQ(small.state, Waiter::State::waiting);
  EXPECT_EQ(due_in(small), 5s);
}

TEST_F(LineTest, ARefundMovesEverybodyUp) {
  std::vector<Limit> tokens{{Unit::tokens, 100, 100s}};
  arrive("a", tokens, Cost{.input_tokens = 100});
  Waiter& first = arrive("a", tokens, Cost{.input_tokens = 30});
  Waiter& second = arrive("a", tokens, Cost{.input_tokens = 30});
  EXPECT_EQ(due_in(second), 60s);
  limiter_->adjust(*first.cells, Cost{.input_tokens = -40}, now_);
  auto changed = line_.settle(now_);
  EXPECT_THAT(changed, testing::UnorderedElementsAre(&first, &second));
  EXPECT_EQ(first.state, Waiter::State::admitted);
  EXPECT_EQ(due_in(second), 20s);
}

TEST_F(LineTest, LeavingCostsNothing) {
  std::vector<Limit> two{{Unit::requests, 2, 2s}};
  arrive("a", two, kOne);
  arrive("a", two, kOne);
  Waiter& gone = arrive("a", two, kOne);
  Waiter& next = arrive("a", two, kOne);
  line_.leave(gone);
  settle();
  EXPECT_EQ(due_in(next), 1s);
  line_.leave(next);
  EXPECT_EQ(line_.size(), 0u);
  EXPECT_TRUE(line_.free_for(*next.cells));
  EXPECT_EQ(limiter_->adjust(*gone.cells, Cost{}, now_)[0].remaining, 0);
}

TEST_F(LineTest, AClientsRequestsForTwoModelsKeepTheirOrder) {
  std::vector<Limit> one{{Unit::requests, 1, 1s}};
  arrive("a", one, kOne, kHour, "z");
  Waiter& first = arrive("a", one, kOne, kHour, "z");
  Waiter& second = arrive("a", one, kOne, kHour, "b");
  Waiter& third = arrive("a", one, kOne, kHour, "z");
  EXPECT_EQ(due_in(first), 1s);
  EXPECT_EQ(due_in(second), 2s);
  EXPECT_FALSE(line_.free_for({{"key:a/0", one[0]}, {"model:other/0", one[0]}}));
  EXPECT_TRUE(line_.free_for({{"key:b/0", one[0]}, {"model:other/0", one[0]}}));
  run_until(10s);
  EXPECT_THAT(admitted_, ElementsAre(testing::_, &first, &second, &third));
}

TEST_F(LineTest, WeightsShareAModelsTokens) {
  model_ = {{Unit::tokens, 10, 1s}};
  arrive("first", {}, Cost{.input_tokens = 10});
  for (int i = 0; i < 40; ++i) {
    arrive("light", {}, Cost{.input_tokens = 10});
    arrive("heavy", {}, Cost{.input_tokens = 10}, kHour, "m", {.weight = 3});
  }
  run_until(40s);
  auto names = order();
  EXPECT_EQ(std::count(names.begin(), names.end(), "heavy"), 30);
  EXPECT_EQ(std::count(names.begin(), names.end(), "light"), 10);
}

TEST_F(LineTest, TurnsCountTokensNotRequests) {
  model_ = {{Unit::tokens, 100, 1s}};
  arrive("first", {}, Cost{.input_tokens = 100});
  for (int i = 0; i < 40; ++i) {
    arrive("big", {}, Cost{.input_tokens = 50});
    arrive("small", {}, Cost{.input_tokens = 10});
  }
  run_until(6s);
  std::map<std::string, int64_t> tokens;
  for (const Waiter* waiter : admitted_) tokens[waiter->client] += waiter->cost.input_tokens;
  EXPECT_NEAR(static_cast<double>(tokens["big"]), static_cast<double>(tokens["small"]), 50);
}

TEST_F(LineTest, HigherPriorityGoesFirstAmongThoseWhoCanPay) {
  model_ = {{Unit::requests, 1, 1s}};
  std::vector<Limit> tight{{Unit::requests, 1, 60s}};
  arrive("first", {}, kOne);
  arrive("plain", {}, kOne);
  Waiter& high = arrive("high", tight, kOne, kHour, "m", {.priority = 9});
  Waiter& broke = arrive("high", tight, kOne, kHour, "m", {.priority = 9});
  arrive("plain", {}, kOne);
  EXPECT_EQ(due_in(high), 1s);
  EXPECT_EQ(high.place, 1u);
  EXPECT_EQ(due_in(broke), 61s);
  run_until(61s);
  EXPECT_THAT(order(), ElementsAre("first", "high", "plain", "plain", "high"));
}

TEST_F(LineTest, WhoWaitsForASharedBucketIsNotOvertakenInAnotherLine) {
  std::vector<Limit> tokens{{Unit::tokens, 100, 10s}};
  arrive("a", tokens, Cost{.input_tokens = 100}, kHour, "m");
  Waiter& big = arrive("a", tokens, Cost{.input_tokens = 100}, kHour, "m");
  Waiter& small = arrive("a", tokens, Cost{.input_tokens = 1}, kHour, "n");
  run_until(5s);
  EXPECT_EQ(small.state, Waiter::State::waiting);
  run_until(11s);
  EXPECT_THAT(admitted_, ElementsAre(testing::_, &big, &small));
}

TEST_F(LineTest, NobodyForetellsAConcurrentRequestsEnd) {
  std::vector<Limit> two{{.unit = Unit::concurrent, .cap = 1}};
  const Cost one{.requests = 1, .concurrent = 1};
  Waiter& runs = arrive("a", two, one);
  Waiter& next = arrive("a", two, one, 5s);
  Waiter& impatient = arrive("a", two, one, 1s);
  EXPECT_EQ(next.due, TimePoint::max());
  EXPECT_EQ(impatient.place, 2u);
  now_ += 1s;
  settle();
  EXPECT_EQ(impatient.state, Waiter::State::refused);
  EXPECT_EQ(next.state, Waiter::State::waiting);
  limiter_->adjust(*runs.cells, Cost{.concurrent = -1}, now_);
  settle();
  EXPECT_EQ(next.state, Waiter::State::admitted);
}

TEST_F(LineTest, ANewcomerThatOnlyAsksMovesNobody) {
  model_ = {{Unit::requests, 1, 1s}};
  arrive("a", {}, kOne);
  Waiter& next = arrive("a", {}, kOne);
  Waiter asks;
  asks.client = "b";
  asks.model = "m";
  asks.priority = 9;
  asks.cells = next.cells;
  asks.cost = kOne;
  asks.deadline = now_ + 1s;
  line_.predict(asks, now_);
  EXPECT_EQ(due_in(asks), 1s);
  EXPECT_EQ(asks.state, Waiter::State::waiting);
  EXPECT_EQ(due_in(next), 1s) << "it is not before the one that asked";
  EXPECT_EQ(next.place, 1u);
  asks.deadline = now_ + 999ms;
  line_.predict(asks, now_);
  EXPECT_EQ(asks.state, Waiter::State::refused);
  EXPECT_EQ(line_.size(), 1u);
}

TEST_F(LineTest, WhoIsPushedPastItsDeadlineTakesNobodyAlong) {
  model_ = {{Unit::tokens, 100, 10s}};
  arrive("first", {}, Cost{.input_tokens = 100});
  Waiter& big = arrive("a", {}, Cost{.input_tokens = 90}, 9s);
  Waiter& small = arrive("a", {}, Cost{.input_tokens = 10}, 9500ms);
  EXPECT_EQ(small.state, Waiter::State::refused) << "behind the big one it comes too late";
  Waiter& patient = arrive("a", {}, Cost{.input_tokens = 5}, 9500ms);
  EXPECT_EQ(due_in(patient), 9500ms);
  Waiter& high = arrive("b", {}, Cost{.input_tokens = 10}, kHour, "m", {.priority = 9});
  EXPECT_EQ(due_in(high), 1s);
  EXPECT_EQ(big.state, Waiter::State::refused);
  EXPECT_EQ(patient.state, Waiter::State::waiting);
  EXPECT_EQ(due_in(patient), 1500ms);
}

TEST_F(LineTest, PlacesCloseUpWhenSomebodysTimeIsOver) {
  std::vector<Limit> one{{.unit = Unit::concurrent, .cap = 1}};
  arrive("a", one, Cost{.concurrent = 1});
  arrive("a", one, Cost{.concurrent = 1}, 1s);
  Waiter& last = arrive("a", one, Cost{.concurrent = 1}, 5s);
  EXPECT_EQ(last.place, 2u);
  now_ += 1s;
  settle();
  EXPECT_EQ(last.place, 1u);
}

TEST_F(LineTest, WhoIsOldestGoesFirstAtASharedBucketAlsoAfterAnother) {
  std::vector<Limit> tokens{{Unit::tokens, 100, 10s}};
  arrive("a", tokens, Cost{.input_tokens = 100}, kHour, "m");
  Waiter& first = arrive("a", tokens, Cost{.input_tokens = 10}, kHour, "m");
  Waiter& second = arrive("a", tokens, Cost{.input_tokens = 10}, kHour, "n");
  Waiter& third = arrive("a", tokens, Cost{.input_tokens = 20}, kHour, "m");
  EXPECT_EQ(due_in(first), 1s);
  EXPECT_EQ(due_in(second), 2s);
  EXPECT_EQ(due_in(third), 4s);
}

TEST_F(LineTest, AQuotaThatEndedIsTheNextPeriodsForWhoWaits) {
  auto quota = [&](const char* id, TimePoint ends) {
    return std::make_shared<const std::vector<Cell>>(
        std::vector<Cell>{{id, {.unit = Unit::tokens, .cap = 10, .calendar = Calendar::day}, ends},
                          {"slow", {Unit::requests, 1, 10s}}});
  };
  const Cells today = quota("today", now_ + 5s), tomorrow = quota("tomorrow", now_ + 24h);
  arrive("b", {}, Cost{});
  limiter_->take(*today, Cost{.requests = 1, .input_tokens = 2}, now_);
  Waiter waiter;
  waiter.client = "a";
  waiter.model = "n";
  waiter.cells = today;
  waiter.cost = {.requests = 1, .input_tokens = 8};
  waiter.deadline = now_ + kHour;
  line_.join(waiter);
  limiter_->adjust(*today, Cost{.input_tokens = 8}, now_);
  now_ += 10s;
  line_.renew(now_, [&](const Waiter&) { return tomorrow; });
  EXPECT_THAT(line_.settle(now_), ElementsAre(&waiter));
  EXPECT_EQ(waiter.state, Waiter::State::admitted);
  EXPECT_EQ(waiter.seen[0].remaining, 2);
}

/// What is foretold is what happens when nobody else comes.
TEST_F(LineTest, ForetellsExactly) {
  std::mt19937 random(5);
  for (int history = 0; history < 300; ++history) {
    // A unit of each is whole microseconds: nothing is rounded.
    model_ = {{Unit::tokens, random() % 2 == 0 ? 100 : 250, 1s}};
    now_ += 1h;
    const size_t from = waiters_.size();
    const auto name = [&](size_t client) {
      return std::to_string(history) + "c" + std::to_string(client);
    };
    for (int i = 0; i < 12; ++i) {
      size_t client = random() % 4;
      std::vector<Limit> own;
      if (client % 2 == 0) own = {{Unit::tokens, 200, 2s}};
      arrive(name(client), own, Cost{.input_tokens = 1 + static_cast<int64_t>(random() % 100)},
             kHour, random() % 3 == 0 ? "n" : "m",
             {.weight = client == 3 ? 3.0 : 1.0, .priority = client == 1 ? 7 : 5});
    }
    std::map<const Waiter*, TimePoint> foretold;
    for (size_t i = from; i < waiters_.size(); ++i) {
      if (waiters_[i]->state == Waiter::State::waiting)
        foretold[waiters_[i].get()] = waiters_[i]->due;
    }
    std::map<const Waiter*, TimePoint> seen;
    while (line_.size() > 0) {
      now_ = TimePoint::max();
      for (const auto& [waiter, due] : foretold) {
        if (waiter->state == Waiter::State::waiting) now_ = std::min(now_, waiter->due);
      }
      size_t before = admitted_.size();
      settle();
      ASSERT_GT(admitted_.size(), before);
      for (size_t i = before; i < admitted_.size(); ++i) seen[admitted_[i]] = now_;
    }
    ASSERT_EQ(seen, foretold) << "history " << history;
  }
}

/// Whatever comes: nobody is admitted after its deadline, nobody due is kept, a
/// client's requests for a model go in order, and everybody ends admitted or
/// refused.
TEST_F(LineTest, RandomTraffic) {
  std::mt19937 random(11);
  model_ = {{Unit::tokens, 200, 1s}};
  const std::vector<Limit> keys[] = {{{Unit::requests, 5, 1s}}, {{Unit::tokens, 300, 2s}}, {}};
  for (int i = 0; i < 3000; ++i) {
    size_t client = random() % 3;
    Cost cost{.requests = 1, .input_tokens = 1 + static_cast<int64_t>(random() % 100)};
    arrive(std::string(1, static_cast<char>('a' + client)), keys[client], cost,
           std::chrono::milliseconds(random() % 3000), random() % 4 == 0 ? "n" : "m");
    if (random() % 20 == 0) {
      size_t one = random() % waiters_.size();
      if (waiters_[one]->state == Waiter::State::waiting) {
        line_.leave(*waiters_[one]);
        waiters_[one]->state = Waiter::State::refused;
        settle();
      }
    }
    auto here = std::chrono::duration_cast<std::chrono::microseconds>(now_ - start_);
    run_until(here + std::chrono::milliseconds(random() % 300));
    ASSERT_FALSE(HasFatalFailure());
  }
  run_until(10000s);
  EXPECT_EQ(line_.size(), 0u);
  std::map<std::string, uint64_t> last;
  for (const Waiter* waiter : admitted_) {
    auto [before, fresh] = last.try_emplace(waiter->client + waiter->model, waiter->ticket);
    if (!fresh) {
      EXPECT_LT(before->second, waiter->ticket);
      before->second = waiter->ticket;
    }
  }
  EXPECT_GT(admitted_.size(), 500u);
}

}  // namespace
}  // namespace weir::traffic
