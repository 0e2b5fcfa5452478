// What the fair-share policy says of seats, memory and a step's room, asked directly.
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "schedule/fair_share.h"

namespace weir::schedule {
namespace {

class SeatsTest : public testing::Test {
 protected:
  Sequence& enter(const std::string& client, float weight = 1, uint32_t prompt = 10) {
    Sequence& sequence = *all_.emplace_back(std::make_unique<Sequence>());
    sequence.id = all_.size();
    sequence.request.client = client;
    sequence.request.weight = weight;
    sequence.request.level = 5;
    sequence.prompt_tokens = prompt;
    policy_.enter(sequence);
    return sequence;
  }

  Sequence& run(const std::string& client, float weight = 1, uint32_t prompt = 10) {
    Sequence& sequence = enter(client, weight, prompt);
    policy_.admit(sequence);
    return sequence;
  }

  FairSharePolicy policy_{{}};
  std::vector<std::unique_ptr<Sequence>> all_;
};

TEST_F(SeatsTest, AClientThatRunsNothingTakesASeatFromOneThatRunsTwo) {
  Sequence& first = run("A");
  Sequence& wants = enter("B", 1, 1);
  EXPECT_FALSE(policy_.yields(first, wants));
  Sequence& second = run("A");
  EXPECT_TRUE(policy_.yields(second, wants));
}

TEST_F(SeatsTest, AClientThatRunsSomeTakesASeatFromMoreThanTwiceAsMany) {
  for (int i = 0; i < 3; ++i) run("A");
  run("B", 1, 1);
  Sequence& wants = enter("B", 1, 1);
  EXPECT_FALSE(policy_.yields(run("A"), wants));  // A runs 4: B would run 2
  EXPECT_TRUE(policy_.yields(run("A"), wants));   // A runs 5
}

TEST_F(SeatsTest, SeatsAreCountedByWeight) {
  for (int i = 0; i < 2; ++i) run("A", 3);
  Sequence& wants = enter("B", 1, 1);
  EXPECT_FALSE(policy_.yields(run("A", 3), wants));  // 3 seats of weight 3
  EXPECT_TRUE(policy_.yields(run("A", 3), wants));
}

TEST_F(SeatsTest, AHigherLevelYieldsNothingToALowerOne) {
  for (int i = 0; i < 8; ++i) run("A");
  Sequence& wants = enter("B", 1, 1);
  Sequence& crowd = run("A");
  EXPECT_TRUE(policy_.yields(crowd, wants));
  crowd.request.level = 6;
  EXPECT_FALSE(policy_.yields(crowd, wants));
}

/// Random clients, weights and prompts: whatever yields is not next before the other, and does not
/// get its seat back from it.
TEST_F(SeatsTest, WhatIsYieldedDoesNotComeBack) {
  std::mt19937 random(3);
  size_t yielded = 0;
  for (int round = 0; round < 3000; ++round) {
    FairSharePolicy policy({});
    std::vector<std::unique_ptr<Sequence>> all;
    std::vector<Sequence*> running;
    for (uint32_t i = 0; i < 14; ++i) {
      Sequence& sequence = *all.emplace_back(std::make_unique<Sequence>());
      sequence.id = i + 1;
      const uint32_t client = static_cast<uint32_t>(random() % 3);
      sequence.request.client = std::string(1, static_cast<char>('a' + client));
      sequence.request.weight = client == 0 ? 3.0F : 1.0F;
      sequence.request.level = 4 + random() % 2;
      sequence.prompt_tokens = 1 + static_cast<uint32_t>(random() % 20);
      policy.enter(sequence);
      if (random() % 3 > 0) {
        running.push_back(policy.next());
        policy.admit(*running.back());
      }
    }
    Sequence* next = policy.next();
    if (!next) continue;
    for (Sequence* each : running) {
      if (!policy.yields(*each, *next)) continue;
      ++yielded;
      policy.stop(*each);
      policy.enter(*each);
      ASSERT_EQ(policy.next(), next) << round;
      policy.admit(*next);
      ASSERT_FALSE(policy.yields(*next, *each)) << round;
      break;
    }
  }
  EXPECT_GT(yielded, 100u);
}

TEST_F(SeatsTest, TheOrderOfMemoryIsStrictAndStaysWhileSequencesRun) {
  std::vector<Sequence*> running;
  for (int i = 0; i < 5; ++i) running.push_back(&run("A"));
  for (int i = 0; i < 3; ++i) running.push_back(&run("B", 2));
  const auto ranks = [&] {
    std::vector<bool> said;
    for (const Sequence* a : running)
      for (const Sequence* b : running) said.push_back(policy_.outranks(*a, *b));
    return said;
  };
  const auto before = ranks();
  for (const Sequence* a : running)
    for (const Sequence* b : running)
      EXPECT_EQ(policy_.outranks(*a, *b) + policy_.outranks(*b, *a), a == b ? 0 : 1);
  for (int i = 0; i < 4; ++i) run("C");
  for (int i = 0; i < 50; ++i) policy_.sampled(*running[0]);
  EXPECT_EQ(ranks(), before);
}

TEST_F(SeatsTest, TheCrowdLosesItsLastFirst) {
  for (int i = 0; i < 3; ++i) run("A");
  Sequence& first = run("B");
  EXPECT_TRUE(policy_.outranks(first, *all_[1]));  // B's 1st before A's 2nd
  EXPECT_TRUE(policy_.outranks(*all_[0], first));  // both the 1st: the older
  Sequence& second = run("B");
  EXPECT_TRUE(policy_.outranks(*all_[1], second));  // both the 2nd
  EXPECT_TRUE(policy_.outranks(second, *all_[2]));
}

TEST_F(SeatsTest, AClientsPartOfTheRoomIsAQuarterAtLeast) {
  Sequence& light = run("A", 1);
  Sequence& heavy = run("B", 9);
  Sequence* const prompts[] = {&light, &heavy};
  policy_.share(100, prompts);
  EXPECT_DOUBLE_EQ(policy_.part(light), 25);
  EXPECT_DOUBLE_EQ(policy_.part(heavy), 90);
  policy_.took(light, 20);
  EXPECT_DOUBLE_EQ(policy_.part(light), 5);
  policy_.share(100, prompts);
  EXPECT_DOUBLE_EQ(policy_.part(light), 25);
}

TEST_F(SeatsTest, WhileAClientHasSomethingItsFirstWeightHolds) {
  Sequence& first = run("A", 1);
  Sequence& second = run("A", 9);
  Sequence& other = run("B", 1);
  Sequence* const prompts[] = {&first, &second, &other};
  policy_.share(100, prompts);
  EXPECT_DOUBLE_EQ(policy_.part(second), 50);
  EXPECT_DOUBLE_EQ(policy_.part(other), 50);
}

TEST_F(SeatsTest, ClientsThatWaitHaveAPartOfTheRoom) {
  Sequence& reads = run("A");
  Sequence& waits = enter("B");
  Sequence* const prompts[] = {&reads};
  policy_.share(100, prompts);
  EXPECT_DOUBLE_EQ(policy_.part(reads), 50);
  EXPECT_DOUBLE_EQ(policy_.part(waits), 50);
}

TEST_F(SeatsTest, AClientIsChargedForItsSourcesToo) {
  Sequence& sequence = enter("A");
  sequence.request.source.resize(30);
  policy_.admit(sequence);
  EXPECT_DOUBLE_EQ(policy_.counter("A"), 40);
}

TEST_F(SeatsTest, APreemptedSequenceGoesBeforeYoungerOnesOfEqualClients) {
  Sequence& old = run("A", 1, 0);
  Sequence& younger = enter("B", 1, 0);
  enter("A", 1, 0);
  EXPECT_EQ(policy_.next(), &younger);
  policy_.stop(old);
  policy_.enter(old);
  EXPECT_EQ(policy_.next(), &old);
}

}  // namespace
}  // namespace weir::schedule
