// What happens when more comes than can be served: shedding, and what is foretold to those who
// wait.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>

#include "schedule/timed_world.h"

namespace weir::schedule {
namespace {

using namespace std::chrono_literals;

std::optional<Code> error_of(const Stream* stream) {
  return stream->error ? std::optional(stream->error->code) : std::nullopt;
}

TEST(Overload, ShedsTheLowestClassAndOfThatTheNewest) {
  TimedWorld world({.max_sequences = 1}, {.requests = 4});
  Stream* runs = world.push({"A", 8, 100});
  world.step();
  Stream* older = world.push({"A", 8, 2, 1, 4});
  Stream* newer = world.push({"B", 8, 2, 1, 4});
  Stream* middle = world.push({"B", 8, 2, 1, 5});
  world.step();  // held by the scheduler from here on
  world.push({"B", 8, 2, 1, 5});
  EXPECT_FALSE(world.push({"C", 8, 2, 1, 4}));
  EXPECT_EQ(world.refusal.code, Code::overloaded);
  EXPECT_EQ(world.refusal.queue_position, 5u);
  ASSERT_TRUE(world.push({"C", 8, 2, 1, 9}));
  world.step();
  EXPECT_EQ(error_of(newer), Code::overloaded);
  EXPECT_FALSE(error_of(older));
  ASSERT_TRUE(world.push({"C", 8, 2, 1, 9}));
  world.step();
  EXPECT_EQ(error_of(older), Code::overloaded);
  EXPECT_FALSE(world.push({"C", 8, 2, 1, 5}));
  EXPECT_FALSE(error_of(middle));
  EXPECT_FALSE(error_of(runs));
  EXPECT_EQ(world.queue.waiting(), 4u);
}

TEST(Overload, ShedsAsManyAsTheTokensNeed) {
  TimedWorld world({.max_sequences = 1}, {.requests = 10, .tokens = 100});
  world.push({"A", 8, 100});
  world.step();
  Stream* a = world.push({"A", 40, 2, 1, 3});
  Stream* b = world.push({"A", 30, 2, 1, 3});
  Stream* c = world.push({"A", 30, 2, 1, 6});
  EXPECT_FALSE(world.push({"A", 80, 2, 1, 4}));  // would need c's tokens too
  ASSERT_TRUE(world.push({"A", 60, 2, 1, 9}));
  world.step();
  EXPECT_EQ(error_of(a), Code::overloaded);
  EXPECT_EQ(error_of(b), Code::overloaded);
  EXPECT_FALSE(error_of(c));
}

TEST(Overload, WhoLeftALongLineIsFoundAndNeverStarted) {
  TimedWorld world({.max_sequences = 1}, {.requests = 3000});
  world.push({"A", 8, 4000});
  world.step();
  for (int i = 0; i < 2000; ++i) world.push({"A", 8, 2});
  world.step();
  for (size_t i = 1; i < 2001; i += 2) {
    world.streams[i]->reader.close();
    world.streams[i]->done = true;
  }
  for (int i = 0; i < 40; ++i) world.step();
  EXPECT_EQ(world.queue.waiting(), 1000u);
}

/// What waits at 3 times what is served, of three clients of whom one sends most.
TEST(Forecast, OfWhoeverWaitsIsNearTheTruth) {
  TimedWorld world({.max_sequences = 8, .min_chunk_tokens = 8, .max_chunk_tokens = 64},
                   {.requests = 60});
  std::mt19937_64 random(1);
  auto pick = [&](uint32_t least, uint32_t most) {
    return std::uniform_int_distribution<uint32_t>(least, most)(random);
  };
  for (int i = 0; i < 6000; ++i) {
    for (const char* client : {"A", "A", "A", "A", "B", "C"})
      if (pick(0, 19) == 0) world.push({client, pick(20, 60), pick(20, 60)});
    world.step();
  }
  std::vector<double> of_long, of_short;  // relative errors; seconds
  for (const auto& stream : world.streams) {
    if (!stream->queued || stream->pushed_step < 500) continue;
    const double truth = std::chrono::duration<double>(*stream->queued).count();
    const double foretold = std::chrono::duration<double>(stream->forecast.wait).count();
    const double error = std::abs(foretold - truth);
    truth > 1 ? of_long.push_back(error / truth) : of_short.push_back(error);
  }
  ASSERT_GT(of_long.size(), 200u);
  ASSERT_GT(of_short.size(), 100u);
  const auto p90 = [](std::vector<double>& errors) {
    std::sort(errors.begin(), errors.end());
    return errors[errors.size() * 9 / 10];
  };
  EXPECT_LT(p90(of_long), 0.5);
  EXPECT_LT(p90(of_short), 0.3);  // a few steps of 20 to 90 ms
}

/// Many at once, each again as soon as it is answered: one more, every three seconds, learns its
/// wait. The pace was learned from one request before.
TEST(Forecast, AfterARushItIsSoonNearTheTruth) {
  TimedWorld world({.min_chunk_tokens = 8, .max_chunk_tokens = 64}, {.requests = 400});
  std::mt19937_64 random(1);
  const auto length = [&] { return std::uniform_int_distribution<uint32_t>(16, 256)(random); };
  world.push({"A", 128, 4});
  for (int i = 0; i < 10; ++i) world.step();
  std::vector<Stream*> crowd(160), probes;
  for (auto next = world.clock.now(); probes.size() < 30;) {
    for (Stream*& each : crowd)
      if (each == nullptr || each->done) each = world.push({"A", length(), length()});
    if (world.clock.now() >= next) {
      probes.push_back(world.push({"A", length(), 16}));
      next += std::chrono::seconds(3);
    }
    world.step();
  }
  std::vector<double> errors;
  for (const Stream* probe : std::span(probes).subspan(1)) {  // the first comes with the rush
    if (!probe->queued) continue;
    const double truth = std::chrono::duration<double>(*probe->queued).count();
    const double foretold = std::chrono::duration<double>(probe->forecast.wait).count();
    errors.push_back(std::abs(foretold - truth) / truth);
  }
  std::sort(errors.begin(), errors.end());
  ASSERT_GT(errors.size(), 15u);
  EXPECT_LT(errors[errors.size() / 2], 0.2);
  EXPECT_LT(errors[errors.size() * 9 / 10], 0.5);
}

TEST(Forecast, PaceIsLearnedFromTheSteps) {
  TimedWorld world({.max_sequences = 8, .min_chunk_tokens = 8, .max_chunk_tokens = 64});
  for (int i = 0; i < 400; ++i) {
    if (i % 10 == 0) world.push({"A", 40, 30});
    world.step();
  }
  const work::Outlook outlook = world.queue.outlook();
  EXPECT_NEAR(outlook.prefill_tokens_per_s, 1000, 50);  // 1 ms each, and 8 ms for 2,048
  EXPECT_GT(outlook.decode_tokens_per_s, 150);
  EXPECT_GT(outlook.first_token_p99_s, 0);
  EXPECT_EQ(outlook.seats, 8u);
}

}  // namespace
}  // namespace weir::schedule
