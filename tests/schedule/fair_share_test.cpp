#include "schedule/fair_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "schedule/timed_world.h"

namespace weir::schedule {
namespace {

/// One slot, counters by hand.
class Counters : public testing::Test {
 protected:
  void arrive(const std::string& client, uint32_t prompt, uint32_t completion, float weight = 1,
              int priority = 5) {
    auto& sequence = *sequences_.emplace_back(std::make_unique<Sequence>());
    sequence.id = sequences_.size();
    sequence.request.client = client;
    sequence.request.weight = weight;
    sequence.request.level = fair_order().level(priority, weight);
    sequence.prompt_tokens = prompt;
    sequence.limit = completion;
    policy_.enter(sequence);
  }

  std::string serve(uint32_t cached = 0) {
    Sequence* next = policy_.next();
    if (!next) return "nobody";
    next->cached_tokens = cached;
    policy_.admit(*next);
    for (uint32_t i = 0; i < next->limit; ++i) policy_.sampled(*next);
    policy_.stop(*next);
    return next->request.client;
  }

  double of(const std::string& client) const { return policy_.counter(client); }

  FairSharePolicy policy_{{}};
  std::vector<std::unique_ptr<Sequence>> sequences_;
};

TEST_F(Counters, FollowTheReferenceOfVirtualTokenCounters) {
  for (int i = 0; i < 3; ++i) arrive("A", 100, 10);
  EXPECT_EQ(serve(), "A");
  EXPECT_EQ(of("A"), 120);
  arrive("B", 10, 10);
  arrive("B", 10, 10);
  arrive("C", 50, 5, 2);
  EXPECT_EQ(of("B"), 120);
  EXPECT_EQ(of("C"), 120);
  EXPECT_EQ(serve(), "A");
  EXPECT_EQ(of("A"), 240);
  EXPECT_EQ(serve(), "B");
  EXPECT_EQ(of("B"), 150);
  EXPECT_EQ(serve(), "C");
  EXPECT_EQ(of("C"), 150);
  EXPECT_EQ(serve(), "B");
  EXPECT_EQ(of("B"), 180);
  EXPECT_EQ(serve(), "A");
  EXPECT_EQ(of("A"), 360);
  arrive("D", 5, 5);
  EXPECT_EQ(of("D"), 360);
  EXPECT_EQ(serve(), "D");
  EXPECT_EQ(of("D"), 375);
}

TEST_F(Counters, CachedTokensWeighLess) {
  arrive("A", 100, 0);
  serve(80);
  EXPECT_DOUBLE_EQ(of("A"), 28);
}

TEST_F(Counters, TheClassDecidesBeforeTheCounter) {
  arrive("A", 1000, 10, 1, 6);
  arrive("A", 1000, 10, 1, 6);
  arrive("B", 1, 1, 1, 5);
  EXPECT_EQ(serve(), "A");
  EXPECT_EQ(serve(), "A");
  EXPECT_EQ(serve(), "B");
}

TEST_F(Counters, APreemptedPromptIsChargedOnce) {
  arrive("A", 100, 0);
  Sequence& sequence = *policy_.next();
  policy_.admit(sequence);
  policy_.stop(sequence);
  policy_.enter(sequence);
  policy_.admit(sequence);
  EXPECT_EQ(of("A"), 100);
}

TEST_F(Counters, OnlyTheIdleBelowTheOthersAreForgotten) {
  for (int i = 0; i < 1000; ++i) {
    arrive("client " + std::to_string(i), 10, 5);
    serve();
  }
  EXPECT_LE(policy_.clients(), 3u);
  for (int i = 0; i < 100; ++i) arrive("A", 10, 5);
  arrive("greedy", 1000000, 0);
  while (serve() != "greedy") continue;
  for (int i = 0; i < 50; ++i) {
    arrive("B", 10, 5);
    serve();
  }
  EXPECT_GT(of("greedy"), 1000000);  // still to be caught up with
}

SchedulerOptions cpu_options(uint32_t seats) {
  return {.max_sequences = seats, .min_chunk_tokens = 8, .max_chunk_tokens = 64};
}

/// What A and B are served while both always have something waiting.
std::pair<double, double> backlogged(const Ask& a, const Ask& b, uint32_t seats) {
  TimedWorld world(cpu_options(seats));
  double before_a = 0, before_b = 0;
  for (int i = 0; i < 3000; ++i) {
    for (const Ask* ask : {&a, &b})
      for (size_t waits = world.waiting(ask->client); waits < 10; ++waits) world.push(*ask);
    world.step();
    if (i == 300) before_a = world.served("A"), before_b = world.served("B");
  }
  return {world.served("A") - before_a, world.served("B") - before_b};
}

TEST(FairShares, EqualClientsAreServedAlike) {
  const auto [a, b] = backlogged({"A", 20, 10}, {"B", 20, 10}, 8);
  EXPECT_NEAR(a / b, 1, 0.05);
}

TEST(FairShares, WhateverTheyAskFor) {
  const auto [a, b] = backlogged({"A", 60, 3}, {"B", 5, 40}, 8);
  EXPECT_NEAR(a / b, 1, 0.05);
}

TEST(FairShares, WeightsCount) {
  const auto [a, b] = backlogged({"A", 20, 10}, {"B", 20, 10, 3}, 8);
  EXPECT_NEAR(b / a, 3, 0.15);
}

/// Steps from B's push to its first token, beside what A does; then B reads along to its end.
size_t first_token_of_b(TimedWorld& world) {
  Stream* b = world.push({"B", 48, 30});
  size_t prompt = 0;
  while (b->tokens == 0) {
    world.step();
    size_t of_a = 0, of_b = 0;
    for (const Row& row : world.runner.rows)
      if (row.drawn == 0) (world.of(row).ask.client == "B" ? of_b : of_a) += row.tokens.size();
    prompt += of_b;
    if (prompt < 48) {
      EXPECT_LE(of_a, of_b + 1) << "more than its part of a step";
    }
  }
  while (!b->done) {
    world.step();
    EXPECT_EQ(b->tokens_now, 1u) << "a pause";
  }
  return b->first_step - b->pushed_step;
}

TEST(FairShares, AFloodDelaysTheNextTokenOfOthersByNoMoreThanItsShare) {
  TimedWorld quiet(cpu_options(64));
  quiet.push({"A", 48, 4000});
  for (int i = 0; i < 10; ++i) quiet.step();
  const size_t beside_one = first_token_of_b(quiet);

  TimedWorld flood(cpu_options(64), {.requests = 4000});
  for (int i = 0; i < 1064; ++i) flood.push({"A", 48, 200});
  for (int i = 0; i < 100; ++i) flood.step();
  EXPECT_EQ(flood.scheduler->load().running, 64u);
  for (int i = 0; i < 5; ++i) EXPECT_LE(first_token_of_b(flood), beside_one + 2);
}

TEST(FairShares, RoomForPromptsIsSharedByWeight) {
  TimedWorld world(cpu_options(64));
  for (int i = 0; i < 32; ++i) world.push({"reader", 1, 4000});
  world.step();
  world.push({"A", 2000, 1});
  world.push({"B", 2000, 1, 3});
  for (int i = 0; i < 20; ++i) {
    world.step();
    std::map<std::string, size_t> tokens;
    for (const Row& row : world.runner.rows)
      if (row.drawn == 0) tokens[world.of(row).ask.client] += row.tokens.size();
    EXPECT_EQ(tokens["A"], 16u);
    EXPECT_EQ(tokens["B"], 48u);
  }
}

TEST(FairShares, SeatsDoNotGoBackAndForth) {
  TimedWorld world(cpu_options(8));
  std::map<SequenceId, size_t> admissions;
  world.runner.on_row = [&](const Row& row) { admissions[row.id] += row.first == 0; };
  for (int i = 0; i < 1000; ++i) {
    for (const char* client : {"A", "B", "C"})
      for (size_t waits = world.waiting(client); waits < 5; ++waits) world.push({client, 20, 30});
    world.step();
  }
  size_t again = 0;
  for (const auto& [id, count] : admissions) again += count - 1;
  EXPECT_LT(again, admissions.size() / 20);
}

TEST(FairShares, AmongOneClientsTheOlderKeepsItsMemory) {
  FairSharePolicy policy({});
  std::vector<std::unique_ptr<Sequence>> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(std::make_unique<Sequence>());
    all.back()->id = static_cast<SequenceId>(i + 1);
    all.back()->request.client = "A";
    policy.enter(*all.back());
  }
  for (int i : {0, 1, 3, 4}) policy.admit(*all[static_cast<size_t>(i)]);
  policy.stop(*all[0]);
  policy.stop(*all[1]);
  for (int i : {5, 2}) policy.admit(*all[static_cast<size_t>(i)]);
  for (size_t i = 2; i < 5; ++i) EXPECT_TRUE(policy.outranks(*all[i], *all[i + 1])) << i;
  Sequence other;
  other.id = 100;
  other.request.client = "B";
  policy.enter(other);
  policy.admit(other);
  EXPECT_TRUE(policy.outranks(other, *all[5]));
}

}  // namespace
}  // namespace weir::schedule
