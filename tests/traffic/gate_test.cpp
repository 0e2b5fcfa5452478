#include "weir/traffic/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "fakes/fake_clock.h"
#include "weir/traffic/ledger.h"

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace weir::traffic {
namespace {

std::shared_ptr<const Key> key(const std::string& name, std::vector<Limit> limits) {
  return std::make_shared<const Key>(
      Key{.name = name, .tenant = name, .limits = std::move(limits)});
}

/// Enters and waits to the end. `gone` says that the client left.
Result<Permit> pass(Gate& gate, const Entry& entry, std::vector<CellState>* cells = nullptr,
                    const std::function<bool()>& gone = nullptr) {
  auto place = gate.enter(entry, cells);
  if (!place) return place.error();
  while (!place->admitted()) {
    auto through = place->wait(50ms);
    if (!through) return through.error();
    if (!*through && gone && gone()) return Error{.code = Code::cancelled, .message = "left"};
  }
  if (cells != nullptr) *cells = place->cells();
  return place->take();
}

class GateTest : public testing::Test {
 protected:
  std::future<Result<Permit>> enter_later(Entry entry, std::function<bool()> gone = nullptr) {
    size_t before = gate_.waiting();
    auto permit = std::async(std::launch::async,
                             [this, entry, gone] { return pass(gate_, entry, nullptr, gone); });
    // It either waits or is through: both can be seen, so that the next one surely comes after it.
    while (gate_.waiting() == before && permit.wait_for(1ms) != std::future_status::ready) {
    }
    return permit;
  }
  static bool is_through(const std::future<Result<Permit>>& permit) {
    return permit.wait_for(0s) == std::future_status::ready;
  }
  int64_t remaining(const std::shared_ptr<const Key>& who) {
    std::vector<CellState> cells;
    auto probe = pass(
        gate_,
        Entry{.key = who, .model = "m", .cost = {.requests = 1 << 30, .input_tokens = 1 << 30}},
        &cells);
    EXPECT_FALSE(probe);
    return cells.at(0).remaining;
  }

  fakes::FakeClock clock_;
  Gate gate_{make_memory_limiter(), clock_};
};

const Cost kOne{.requests = 1};

TEST_F(GateTest, WithoutWaitTwoPassAndTwoAreToldTheTime) {
  auto who = key("web", {{Unit::requests, 2, 2s}});
  Entry entry{.key = who, .model = "m", .cost = kOne, .max_wait = 0ms};
  auto one = pass(gate_, entry), two = pass(gate_, entry);
  EXPECT_TRUE(one);
  EXPECT_TRUE(two);
  clock_.advance(100ms);
  for (int i = 0; i < 2; ++i) {
    std::vector<CellState> cells;
    auto refused = pass(gate_, entry, &cells);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::rate_limited);
    EXPECT_EQ(refused.error().retry_after, 900ms);
    EXPECT_EQ(refused.error().limit_unit, "requests");
    EXPECT_THAT(refused.error().message,
                HasSubstr("key web may use 2 requests in 2s; try again in 900ms"));
    ASSERT_EQ(cells.size(), 1u);
    EXPECT_EQ(cells[0].remaining, 0);
    EXPECT_EQ(cells[0].full_in, 1900ms);
  }
  EXPECT_EQ(gate_.waiting(), 0u);
}

TEST_F(GateTest, WaitersPassWhenTokensAreDue) {
  auto who = key("web", {{Unit::requests, 2, 2s}});
  Entry entry{.key = who, .model = "m", .cost = kOne, .max_wait = 3s};
  auto one = pass(gate_, entry), two = pass(gate_, entry);
  auto three = enter_later(entry), four = enter_later(entry);
  EXPECT_EQ(gate_.waiting(), 2u);
  clock_.advance(999ms);
  std::this_thread::sleep_for(150ms);  // longer than a waiter's look
  EXPECT_FALSE(is_through(three));
  clock_.advance(1ms);
  EXPECT_TRUE(three.get());
  EXPECT_FALSE(is_through(four));
  clock_.advance(1s);
  EXPECT_TRUE(four.get());
}

TEST_F(GateTest, ATooLongWaitIsRefusedAtOnceWithItsTime) {
  auto who = key("web", {{Unit::requests, 1, 10s}});
  auto one = pass(gate_, {.key = who, .model = "m", .cost = kOne});
  ASSERT_TRUE(one);
  auto waiting = enter_later({.key = who, .model = "m", .cost = kOne, .max_wait = 10s});
  auto refused = pass(gate_, {.key = who, .model = "m", .cost = kOne, .max_wait = 19'999ms});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_limited);
  EXPECT_EQ(refused.error().retry_after, 20s);
  clock_.advance(10s);
  EXPECT_TRUE(waiting.get());
}

TEST_F(GateTest, ARefundLetsAWaiterInEarly) {
  auto who = key("web", {{Unit::tokens, 1000, 60s}});
  std::optional<Permit> first =
      *pass(gate_, {.key = who,
                    .model = "m",
                    .cost = {.requests = 1, .input_tokens = 300, .output_tokens = 700}});
  auto second = enter_later({.key = who,
                             .model = "m",
                             .cost = {.requests = 1, .input_tokens = 200, .output_tokens = 300},
                             .max_wait = 40s});
  EXPECT_EQ(gate_.waiting(), 1u);
  first->used(300, 200);
  first.reset();  // gives 500 back; the clock stands still
  auto permit = second.get();
  ASSERT_TRUE(permit);
  EXPECT_EQ(permit->cells().at(0).remaining, 0);
}

TEST_F(GateTest, TheBalanceIsExactAfterSettlement) {
  auto who = key("web", {{Unit::tokens, 1000, 60s}});
  {
    auto permit = pass(gate_, {.key = who,
                               .model = "m",
                               .cost = {.requests = 1, .input_tokens = 100, .output_tokens = 50}});
    ASSERT_TRUE(permit);
    EXPECT_EQ(permit->cells()[0].remaining, 850);
    permit->used(100, 13);
    EXPECT_EQ(remaining(who), 850) << "settled only at the end";
  }
  EXPECT_EQ(remaining(who), 887);
  {
    auto permit = pass(gate_, {.key = who,
                               .model = "m",
                               .cost = {.requests = 1, .input_tokens = 10, .output_tokens = 5}});
    permit->used(10, 6);  // one past the reserve: 256 more are paid ahead
    EXPECT_EQ(remaining(who), 887 - 15 - 256);
    permit->used(10, 261);
    EXPECT_EQ(remaining(who), 887 - 15 - 256);
    permit->used(10, 262);
    EXPECT_EQ(remaining(who), 887 - 15 - 512);
    permit->used(10, 1000);  // the stream is never cut: debt
    EXPECT_EQ(remaining(who), 887 - 15 - 1024);
  }
  EXPECT_EQ(remaining(who), 887 - 1010);
}

TEST_F(GateTest, APermitThatNothingUsedKeepsTheRequestOnly) {
  auto who = key("web", {{Unit::requests, 5, 60s}, {Unit::tokens, 1000, 60s}});
  Entry entry{
      .key = who, .model = "m", .cost = {.requests = 1, .input_tokens = 100, .output_tokens = 50}};
  { auto permit = pass(gate_, entry); }
  auto after = pass(gate_, entry);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->cells()[0].remaining, 3);
  EXPECT_EQ(after->cells()[1].remaining, 850);
}

TEST_F(GateTest, RefundAllGivesTheRequestBackTooAndOnlyOnce) {
  auto who = key("web", {{Unit::requests, 5, 60s}, {Unit::tokens, 1000, 60s}});
  Entry entry{
      .key = who, .model = "m", .cost = {.requests = 1, .input_tokens = 100, .output_tokens = 50}};
  auto held = pass(gate_, entry);
  {
    auto permit = pass(gate_, entry);
    permit->refund_all();
    permit->refund_all();
    permit->used(100, 5000);
  }
  auto after = pass(gate_, entry);
  EXPECT_EQ(after->cells()[0].remaining, 3);
  EXPECT_EQ(after->cells()[1].remaining, 700);
}

TEST_F(GateTest, AMovedPermitSettlesOnce) {
  auto who = key("web", {{Unit::requests, 5, 60s}, {Unit::tokens, 100, 60s}});
  auto permit =
      pass(gate_, {.key = who, .model = "m", .cost = {.requests = 1, .output_tokens = 50}});
  Permit moved = std::move(*permit);
  permit->used(0, 40);  // a moved-from permit is nobody's
  moved.used(0, 20);
  moved = Permit();
  auto after = pass(gate_, {.key = who, .model = "m", .cost = kOne});
  EXPECT_EQ(after->cells()[1].remaining, 80);
}

TEST_F(GateTest, NeverFitsIsSaidAtOnceAndTakesNothing) {
  auto who = key("web", {{Unit::requests, 5, 60s}, {Unit::tokens, 1000, 60s}});
  auto refused = pass(gate_, {.key = who,
                              .model = "m",
                              .cost = {.requests = 1, .input_tokens = 1000, .output_tokens = 1}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::never_fits);
  EXPECT_EQ(refused.error().limit_unit, "tokens");
  EXPECT_FALSE(refused.error().retry_after);
  EXPECT_THAT(refused.error().message,
              HasSubstr("this request needs 1001 tokens; key web may use 1000 tokens in 60s"));
  EXPECT_EQ(remaining(who), 5);
}

TEST_F(GateTest, OneClientsLineDoesNotHoldAnother) {
  auto slow = key("slow", {{Unit::requests, 1, 60s}});
  auto fast = key("fast", {{Unit::requests, 9, 60s}});
  auto one = pass(gate_, {.key = slow, .model = "m", .cost = kOne});
  auto two = enter_later({.key = slow, .model = "m", .cost = kOne, .max_wait = 60s});
  EXPECT_TRUE(pass(gate_, {.key = fast, .model = "m", .cost = kOne, .max_wait = 0ms}));
  clock_.advance(60s);
  EXPECT_TRUE(two.get());
}

TEST_F(GateTest, AClientsRequestsGoInOrder) {
  auto who = key("web", {{Unit::requests, 1, 1s}});
  auto first = pass(gate_, {.key = who, .model = "m", .cost = kOne});
  std::vector<std::future<Result<Permit>>> line;
  for (int i = 0; i < 5; ++i) {
    line.push_back(enter_later({.key = who, .model = "m", .cost = kOne, .max_wait = 60s}));
  }
  for (size_t i = 0; i < line.size(); ++i) {
    clock_.advance(1s);
    EXPECT_TRUE(line[i].get());
    for (size_t later = i + 1; later < line.size(); ++later) EXPECT_FALSE(is_through(line[later]));
  }
}

TEST_F(GateTest, ClientsTakeTurnsInAModelsLine) {
  gate_.set_rules({.models = {{"m", {{Unit::requests, 1, 1s}}}}});
  auto a = key("a", {}), b = key("b", {});
  auto enter = [&](const auto& who) {
    return enter_later({.key = who, .model = "m", .cost = kOne, .max_wait = 60s});
  };
  auto first = pass(gate_, {.key = a, .model = "m", .cost = kOne});
  auto a1 = enter(a), a2 = enter(a), b1 = enter(b);
  clock_.advance(1s);
  EXPECT_TRUE(a1.get());
  clock_.advance(1s);
  EXPECT_TRUE(b1.get());
  EXPECT_FALSE(is_through(a2));
  clock_.advance(1s);
  EXPECT_TRUE(a2.get());
  EXPECT_TRUE(pass(gate_, {.key = a, .model = "unlimited", .cost = kOne, .max_wait = 0ms}));
  auto refused = pass(gate_, {.key = b, .model = "m", .cost = kOne, .max_wait = 0ms});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("model m may use 1 requests in 1s"));
}

TEST_F(GateTest, WhoLeavesPaysNothing) {
  auto who = key("web", {{Unit::requests, 1, 10s}});
  auto first = pass(gate_, {.key = who, .model = "m", .cost = kOne});
  std::atomic<bool> gone = false;
  auto leaver = enter_later({.key = who, .model = "m", .cost = kOne, .max_wait = 60s},
                            [&gone] { return gone.load(); });
  auto next = enter_later({.key = who, .model = "m", .cost = kOne, .max_wait = 60s});
  gone = true;
  auto left = leaver.get();
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().code, Code::cancelled);
  clock_.advance(10s);
  EXPECT_TRUE(next.get()) << "the next has its place";
}

TEST_F(GateTest, CloseAnswersEverybody) {
  auto who = key("web", {{Unit::requests, 1, 10s}});
  auto first = pass(gate_, {.key = who, .model = "m", .cost = kOne});
  auto waiting = enter_later({.key = who, .model = "m", .cost = kOne, .max_wait = 60s});
  gate_.close();
  auto answer = waiting.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
  auto free = key("free", {});
  EXPECT_EQ(pass(gate_, {.key = free, .model = "m", .cost = kOne}).error().code, Code::unavailable);
  EXPECT_EQ(gate_.waiting(), 0u);
}

TEST_F(GateTest, WithoutLimitsEverythingPasses) {
  auto who = key("anonymous", {});
  for (int i = 0; i < 100; ++i) {
    std::vector<CellState> cells;
    auto permit = pass(gate_,
                       {.key = who,
                        .model = "m",
                        .cost = {.requests = 1, .input_tokens = 1 << 20},
                        .max_wait = 0ms},
                       &cells);
    ASSERT_TRUE(permit);
    EXPECT_TRUE(cells.empty());
    permit->used(5, 100'000);
  }
}

TEST_F(GateTest, ATenantsKeysShareItsLimit) {
  gate_.set_rules({.tenants = {{"shop", {{Unit::requests, 2, 60s}}}}});
  auto member = [](const std::string& name) {
    return std::make_shared<const Key>(Key{.name = name, .tenant = "shop"});
  };
  auto a = member("a"), b = member("b"), other = key("other", {});
  auto one = pass(gate_, {.key = a, .model = "m", .cost = kOne, .max_wait = 0ms});
  auto two = pass(gate_, {.key = b, .model = "n", .cost = kOne, .max_wait = 0ms});
  EXPECT_TRUE(one && two);
  auto refused = pass(gate_, {.key = b, .model = "m", .cost = kOne, .max_wait = 0ms});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("tenant shop may use 2 requests in 60s"));
  EXPECT_TRUE(pass(gate_, {.key = other, .model = "m", .cost = kOne, .max_wait = 0ms}));
}

TEST_F(GateTest, AKeysLimitForOneModelHoldsThereOnly) {
  auto who = key("web", {{.unit = Unit::requests, .cap = 1, .window = 60s, .model = "m"}});
  Entry entry{.key = who, .model = "m", .cost = kOne, .max_wait = 0ms};
  auto one = pass(gate_, entry);
  auto refused = pass(gate_, entry);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("key web at model m may use 1 requests in 60s"));
  entry.model = "n";
  EXPECT_TRUE(pass(gate_, entry));
}

TEST_F(GateTest, ConcurrentRequestsAreHeldUntilTheyEnd) {
  auto who = key("web", {{.unit = Unit::concurrent, .cap = 1}});
  Entry entry{.key = who, .model = "m", .cost = {.requests = 1, .concurrent = 1}, .max_wait = 0ms};
  std::optional<Permit> runs = *pass(gate_, entry);
  auto refused = pass(gate_, entry);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::rate_limited);
  EXPECT_FALSE(refused.error().retry_after);
  EXPECT_THAT(refused.error().message,
              HasSubstr("key web may have 1 concurrent requests at a time"));
  entry.max_wait = 60s;
  auto waiting = gate_.enter(entry);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->standing().place, 1u);
  EXPECT_EQ(waiting->standing().wait, 60s);
  runs.reset();
  EXPECT_TRUE(waiting->admitted());
}

TEST_F(GateTest, APlaceThatDiesGivesEverythingBack) {
  auto who = key("web", {{Unit::requests, 2, 60s}, {.unit = Unit::concurrent, .cap = 2}});
  Entry entry{.key = who, .model = "m", .cost = {.requests = 1, .concurrent = 1}, .max_wait = 0ms};
  { auto place = gate_.enter(entry); }
  auto permit = pass(gate_, entry);
  ASSERT_TRUE(permit);
  EXPECT_EQ(permit->cells()[0].remaining, 1);
  EXPECT_EQ(permit->cells()[1].remaining, 1);
}

TEST_F(GateTest, CachedTokensWeighWhatTheFileSays) {
  gate_.set_rules({.cached_weight = 0.25});
  auto who = key("web", {{Unit::tokens, 1000, 60s}});
  {
    auto permit = pass(gate_, {.key = who, .model = "m", .cost = {.input_tokens = 100}});
    permit->used(100, 0, 80);
  }
  EXPECT_EQ(remaining(who), 1000 - 20 - 20);
}

TEST_F(GateTest, AQuoteTakesNothing) {
  auto who = key("web", {{Unit::requests, 1, 10s}});
  Entry entry{.key = who, .model = "m", .cost = kOne, .max_wait = 2s};
  EXPECT_EQ(gate_.quote(entry).wait, 0ms);
  EXPECT_FALSE(gate_.quote(entry).refusal);
  auto one = pass(gate_, entry);
  Quote quote = gate_.quote(entry);
  EXPECT_EQ(quote.wait, 10s);
  ASSERT_TRUE(quote.refusal);
  EXPECT_EQ(quote.refusal->retry_after, 10s);
  EXPECT_EQ(gate_.waiting(), 0u);
}

TEST(GateQuotas, BeginWithTheHistoryAndEndWithTheDay) {
  using namespace std::chrono;
  fakes::FakeClock clock;
  auto wall = sys_days{2026y / 11 / 30} + 23h;
  std::vector<std::string> asked;
  auto make = [&] {
    auto gate = std::make_unique<Gate>(make_memory_limiter(), clock,
                                       GateOptions{.wall = [&] { return wall; }});
    gate->set_history([&](const QuotaQuery& query) {
      asked.push_back(query.key + "|" + query.model + "|" + query.from_day);
      return Cost{.input_tokens = 60, .output_tokens = 10};
    });
    return gate;
  };
  auto gate = make();
  auto who =
      key("web", {{.unit = Unit::tokens, .cap = 100, .calendar = Calendar::day},
                  {.unit = Unit::tokens, .cap = 1000, .calendar = Calendar::month, .model = "m"}});
  Entry entry{.key = who, .model = "m", .cost = {.input_tokens = 30}, .max_wait = 60s};
  std::optional<Permit> one = *pass(*gate, entry);
  EXPECT_THAT(asked, testing::ElementsAre("web||2026-11-30", "web|m|2026-11-01"));
  EXPECT_EQ(one->cells()[0].remaining, 0);
  EXPECT_EQ(one->cells()[1].remaining, 900);
  auto spent = gate->enter(entry);
  ASSERT_FALSE(spent);
  EXPECT_EQ(spent.error().code, Code::rate_limited);
  EXPECT_TRUE(spent.error().never_retry);
  EXPECT_EQ(spent.error().retry_after, 1h);
  EXPECT_THAT(spent.error().message, HasSubstr("quota spent: key web may use 100 tokens a day"));
  EXPECT_EQ(asked.size(), 2u) << "once for each";
  clock.advance(1h);
  wall += 1h;
  auto next = pass(*gate, entry);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->cells()[0].remaining, 0);
  EXPECT_THAT(asked,
              testing::ElementsAre(testing::_, testing::_, "web||2026-12-01", "web|m|2026-12-01"));
}

TEST(GateInRealTime, FourOnABucketOfTwoAreAllAnsweredTheLastAfterTwoSeconds) {
  SteadyClock clock;
  Gate gate(make_memory_limiter(), clock);
  auto who = key("web", {{Unit::requests, 2, 2s}});
  TimePoint start = clock.now();
  std::vector<std::future<Duration>> answers;
  for (int i = 0; i < 4; ++i) {
    answers.push_back(std::async(std::launch::async, [&] {
      auto permit = pass(gate, {.key = who, .model = "m", .cost = kOne, .max_wait = 3s});
      EXPECT_TRUE(permit);
      return clock.now() - start;
    }));
  }
  std::vector<Duration> times;
  for (auto& answer : answers) times.push_back(answer.get());
  std::sort(times.begin(), times.end());
  EXPECT_LT(times[1], 900ms);
  EXPECT_GE(times[2], 1s);
  EXPECT_LT(times[2], 1900ms);
  EXPECT_GE(times[3], 2s);
  EXPECT_LT(times[3], 3s);
}

TEST(GateInRealTime, ManyThreadsLeaveTheBooksBalanced) {
  SteadyClock clock;
  Gate gate(make_memory_limiter(), clock);
  gate.set_rules({.models = {{"m", {{Unit::tokens, 4000, 1s}}}}});
  std::atomic<int> in = 0, out = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      // The window is long, so that what comes back is what was given back.
      auto who = key("client" + std::to_string(t % 4),
                     {{Unit::tokens, 1000, 24h}, {Unit::requests, 100'000, 24h}});
      for (int i = 0; i < 60; ++i) {
        bool leave = i % 7 == 0;
        auto permit = pass(gate,
                           {.key = who,
                            .model = "m",
                            .cost = {.requests = 1, .input_tokens = 300, .output_tokens = 400},
                            .max_wait = std::chrono::milliseconds(i % 3 * 50)},
                           nullptr, [leave] { return leave; });
        permit ? ++in : ++out;
        if (permit) permit->used(1, 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(in + out, 480);
  EXPECT_GT(in, 0);
  EXPECT_EQ(gate.waiting(), 0u);
  int64_t used = 0;
  for (int client = 0; client < 4; ++client) {
    auto who = key("client" + std::to_string(client),
                   {{Unit::tokens, 1000, 24h}, {Unit::requests, 100'000, 24h}});
    std::vector<CellState> cells;
    auto probe = pass(gate, {.key = who, .model = "m", .cost = {.requests = 1 << 20}}, &cells);
    EXPECT_EQ(1000 - cells.at(0).remaining, 100'000 - cells.at(1).remaining) << "a token a request";
    used += 1000 - cells.at(0).remaining;
  }
  EXPECT_EQ(used, in);
}

}  // namespace
}  // namespace weir::traffic
