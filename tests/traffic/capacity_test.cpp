#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>

#include "fakes/fake_clock.h"
#include "fakes/scraped.h"
#include "weir/traffic/gate.h"

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace weir::traffic {
namespace {

constexpr double kTick = 0.01, kStep = 0.05;  // seconds

/// A model with a few seats: prompts one after the other, a token a step for who decodes.
class Machine {
 public:
  explicit Machine(double speed) : speed_(speed) {}

  struct Job {
    Permit permit;
    double came = 0, prompt_s = 0, tokens = 0;
    int64_t prompt_tokens = 0;
    bool begun = false;
  };

  void push(Job job) { waiting_.push_back(std::move(job)); }
  void slow_down(double by) { speed_ /= by; }

  void tick(double now) {
    while (running_.size() < kSeats && !waiting_.empty()) {
      running_.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    double prefill = kTick * speed_;
    for (Job& job : running_) {
      double part = std::min(prefill, job.prompt_s);
      job.prompt_s -= part;
      prefill -= part;
      if (job.prompt_s > 0) continue;
      if (!std::exchange(job.begun, true)) {
        first_tokens.emplace_back(now, now - job.came);
        job.permit.used(job.prompt_tokens, 1);
      }
      double made = std::min(job.tokens, speed_ * kTick / kStep);
      job.tokens -= made;
      served += made;
    }
    std::erase_if(running_, [](const Job& job) { return job.begun && job.tokens <= 0; });
  }

  /// What the queue would foretell.
  ModelPace pace() const {
    double seat_s = kTokens * kStep / speed_, left = 0;
    std::vector<double> ends;
    for (const Job& job : running_) {
      left += job.prompt_s / speed_;
      ends.push_back(left + job.tokens * kStep / speed_);
    }
    std::sort(ends.begin(), ends.end());
    const size_t free = kSeats - running_.size(), waits = waiting_.size();
    double backlog = left + static_cast<double>(waits) * kPrompt / (kPrefill * speed_);
    if (waits >= free && !ends.empty()) {
      const size_t nth = waits - free;
      backlog = ends[nth % ends.size()] + seat_s * static_cast<double>(nth / ends.size());
    }
    return {.prefill_tokens_per_s = kPrefill * speed_,
            .decode_tokens_per_s = kSeats / kStep * speed_,
            .prompt_tokens_per_s = kPrefill * speed_,
            .backlog_s = backlog * bias,
            .turn_s = seat_s / kSeats,
            .free_seats = static_cast<uint32_t>(free)};
  }

  static constexpr size_t kSeats = 8;
  static constexpr double kPrefill = 2000, kPrompt = 100, kTokens = 40;
  /// Requests a second that it can serve.
  static constexpr double kMost = kSeats / (kTokens * kStep);

  std::vector<std::pair<double, double>> first_tokens;  // when, and after how long
  double served = 0;
  double bias = 1;  // of what it foretells

 private:
  double speed_;
  std::deque<Job> waiting_;
  std::vector<Job> running_;
};

class CapacityTest : public testing::Test {
 protected:
  void start(Capacity::Kind kind, std::chrono::milliseconds target = 1000ms) {
    gate_.watch("m", [this] { return machine_.pace(); });
    set(kind, target);
  }
  void set(Capacity::Kind kind, std::chrono::milliseconds target = 1000ms) {
    ModelLimits model{.name = "m", .capacity = {.kind = kind, .first_token_p99 = target}};
    gate_.set_rules({.models = {model}});
  }

  /// Poisson arrivals at `load` times what can be served, for so long.
  void run(double load, double seconds, std::chrono::milliseconds max_wait = 0ms) {
    const double end = now_ + seconds;
    std::exponential_distribution<double> gap(load * Machine::kMost);
    for (double next = now_ + gap(random_); now_ < end; now_ += kTick) {
      clock_.advance(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(kTick)));
      for (; next <= now_; next += gap(random_)) arrive(max_wait);
      look_at_line();
      machine_.tick(now_);
    }
  }

  void arrive(std::chrono::milliseconds max_wait) {
    auto place = gate_.enter({.key = key_, .model = "m", .cost = kCost, .max_wait = max_wait});
    if (place) {
      line_.push_back(*std::move(place));
    } else {
      EXPECT_EQ(place.error().code, Code::overloaded);
      last_refusal_ = place.error();
      ++refused_;
    }
  }

  void look_at_line() {
    std::erase_if(line_, [&](Place& place) {
      auto through = place.wait(0ms);
      if (through && !*through) return false;
      if (through) {
        machine_.push({.permit = place.take(),
                       .came = now_,
                       .prompt_s = Machine::kPrompt / Machine::kPrefill,
                       .tokens = Machine::kTokens,
                       .prompt_tokens = static_cast<int64_t>(Machine::kPrompt)});
      } else {
        ++turned_away_;
      }
      return true;
    });
  }

  /// Of the first tokens since `from`.
  double p99(double from) const {
    std::vector<double> times;
    for (const auto& [when, took] : machine_.first_tokens)
      if (when >= from) times.push_back(took);
    std::sort(times.begin(), times.end());
    return times.empty() ? 0 : times[(times.size() - 1) * 99 / 100];
  }

  /// The part of the first tokens since `from` that took longer than `limit`.
  double late(double from, double limit) const {
    double all = 0, late = 0;
    for (const auto& [when, took] : machine_.first_tokens) {
      if (when < from) continue;
      ++all;
      if (took > limit) ++late;
    }
    return late / all;
  }

  std::shared_ptr<const Key> key_ = std::make_shared<const Key>(Key{.name = "web", .tenant = "w"});
  const Cost kCost{.requests = 1, .input_tokens = 100, .output_tokens = 512, .concurrent = 1};
  std::mt19937 random_{7};
  fakes::FakeClock clock_;
  Gate gate_{make_memory_limiter(), clock_};
  Machine machine_{1};
  std::vector<Place> line_;
  double now_ = 0;
  int refused_ = 0, turned_away_ = 0;  // at once; out of the line
  Error last_refusal_;
};

TEST_F(CapacityTest, BelowItNobodyIsRefused) {
  start(Capacity::Kind::automatic);
  run(0.5, 120);
  EXPECT_LE(refused_, 2);
  EXPECT_LT(p99(0), 1);
}

TEST_F(CapacityTest, ThreefoldLoadKeepsTheFirstTokenAndTheSeatsFull) {
  start(Capacity::Kind::automatic);
  run(3, 120);
  EXPECT_LT(p99(30), 1.05);
  EXPECT_GT(p99(30), 0.5) << "it should not refuse what could be served in time";
  const double best = Machine::kMost * Machine::kTokens * 120;
  EXPECT_GT(machine_.served, 0.95 * best);
  EXPECT_GT(refused_, 500);
  EXPECT_THAT(last_refusal_.message, HasSubstr("model m is at its capacity"));
  EXPECT_THAT(last_refusal_.message, HasSubstr("longer than 1s"));
  EXPECT_GE(last_refusal_.retry_after, 1000ms);
  EXPECT_LE(last_refusal_.retry_after, 5000ms);
  EXPECT_TRUE(last_refusal_.predicted_wait);
}

TEST_F(CapacityTest, WhoMayWaitStandsInLineInstead) {
  start(Capacity::Kind::automatic);
  run(3, 120, 2000ms);
  EXPECT_LT(p99(0), 1.1) << "counted from admission";
  EXPECT_GT(line_.size(), 4u);
  EXPECT_GT(refused_, 500);
  EXPECT_LT(turned_away_, 10);
  EXPECT_GT(machine_.served, 0.95 * Machine::kMost * Machine::kTokens * 120);
}

TEST_F(CapacityTest, AStepOfTheLoadSettlesWithinHalfAMinute) {
  start(Capacity::Kind::automatic);
  run(0.4, 60);
  run(3, 30);
  const double settled = now_;
  run(3, 60);
  EXPECT_LT(p99(settled), 1.05);
  machine_.served = 0;
  run(3, 60);
  EXPECT_GT(machine_.served, 0.95 * Machine::kMost * Machine::kTokens * 60);
}

TEST_F(CapacityTest, ASlowerMachineIsNoticed) {
  start(Capacity::Kind::automatic);
  run(3, 60);
  machine_.slow_down(2);
  run(3, 30);
  const double settled = now_;
  run(3, 60);
  EXPECT_LT(p99(settled), 1.1);
}

TEST_F(CapacityTest, ForecastsThatAreTooGoodCountForMore) {
  machine_.bias = 0.5;
  start(Capacity::Kind::automatic);
  run(3, 60);
  EXPECT_GT(gate_.capacity("m")->caution, 1.3);
  const double settled = now_;
  run(3, 240);
  EXPECT_LT(late(settled, 1), 0.02);
}

TEST_F(CapacityTest, FrozenItLearnsNoMore) {
  machine_.bias = 0.5;
  start(Capacity::Kind::automatic);
  run(3, 60);
  const CapacityState learned = *gate_.capacity("m");
  set(Capacity::Kind::frozen);
  machine_.bias = 1;
  machine_.slow_down(2);
  run(3, 60);
  const CapacityState frozen = *gate_.capacity("m");
  EXPECT_EQ(frozen.caution, learned.caution);
  EXPECT_EQ(frozen.pace.prompt_tokens_per_s, learned.pace.prompt_tokens_per_s);
  EXPECT_EQ(frozen.pace.decode_tokens_per_s, learned.pace.decode_tokens_per_s);
}

TEST_F(CapacityTest, APromptLongerThanTheTargetIsLetInByAnIdleModel) {
  start(Capacity::Kind::automatic, 100ms);
  run(0.1, 30);
  EXPECT_GT(machine_.served, 0);
  auto place = gate_.enter({.key = key_,
                            .model = "m",
                            .cost = {.requests = 1, .input_tokens = 100'000},
                            .max_wait = 30s});
  ASSERT_TRUE(place);
  run(0, 10);
  EXPECT_TRUE(place->admitted() || *place->wait(0ms));
}

TEST(CapacityPace, IsAskedForEvery20MillisecondsAtMost) {
  fakes::FakeClock clock;
  Gate gate(make_memory_limiter(), clock);
  int asked = 0;
  gate.watch("m", [&] { return ++asked, ModelPace{.prompt_tokens_per_s = 1000}; });
  gate.set_rules(
      {.models = {{.name = "m", .limits = {}, .capacity = {.kind = Capacity::Kind::automatic}}}});
  const auto key = std::make_shared<const Key>(Key{.name = "web", .limits = {}});
  const auto enter = [&] {
    EXPECT_TRUE(gate.enter({.key = key, .model = "m", .cost = {.requests = 1, .input_tokens = 1}}));
  };
  for (int i = 0; i < 5; ++i) enter();
  EXPECT_EQ(asked, 1);
  clock.advance(19ms);
  enter();
  EXPECT_EQ(asked, 1);
  clock.advance(1ms);
  for (int i = 0; i < 5; ++i) enter();
  EXPECT_EQ(asked, 2);
}

/// A model's capacity of one second, of which `backlog` seconds are taken.
class CapacityEstimate : public testing::Test {
 protected:
  Result<Place> enter(double backlog, std::chrono::milliseconds max_wait, int64_t tokens = 1) {
    gate_.watch("m", [backlog] {
      return ModelPace{.prompt_tokens_per_s = 1000, .backlog_s = backlog, .free_seats = 1};
    });
    gate_.set_rules(
        {.models = {{.name = "m", .limits = {}, .capacity = {.kind = Capacity::Kind::automatic}}}});
    return gate_.enter({.key = std::make_shared<const Key>(Key{.name = "web", .limits = {}}),
                        .model = "m",
                        .cost = {.requests = 1, .input_tokens = tokens},
                        .max_wait = max_wait});
  }
  fakes::FakeClock clock_;
  Gate gate_{make_memory_limiter(), clock_};
};

TEST_F(CapacityEstimate, ANewcomersWaitLeavesRoomForABadOne) {
  EXPECT_EQ(enter(1.5, 600ms).error().code, Code::overloaded);  // half a second: over 7/10 of it
  EXPECT_TRUE(enter(1.5, 800ms));
}

TEST_F(CapacityEstimate, OneThatWaitsStaysUntilItsDeadline) {
  auto place = enter(1.5, 800ms);
  ASSERT_TRUE(place);
  clock_.advance(100ms);
  gate_.watch("m", [] { return ModelPace{.backlog_s = 9, .free_seats = 1}; });
  clock_.advance(600ms);
  EXPECT_FALSE(*place->wait(0ms));
  clock_.advance(100ms);
  EXPECT_EQ(place->wait(0ms).error().code, Code::overloaded);
}

TEST_F(CapacityEstimate, ARequestTakesHalfOfItAtMost) {
  EXPECT_TRUE(enter(0.4, 0ms, 5000)->admitted());  // five seconds of prompt, in a capacity of one
  EXPECT_FALSE(enter(0.6, 0ms, 5000));
}

TEST(CapacityMetrics, TellWhatItLearned) {
  Registry metrics;
  const ScrapeHook hook(metrics, [](Scrape& to) {
    tell(to, "m",
         {.rule = {.kind = Capacity::Kind::automatic, .first_token_p99 = 1500ms},
          .pace = {.prefill_tokens_per_s = 900,
                   .decode_tokens_per_s = 300,
                   .first_token_p99_s = 0.5,
                   .backlog_s = 0.25},
          .caution = 1.25});
  });
  const std::pair<const char*, double> expected[] = {
      {"weir_capacity_tokens_per_second{model=\"m\",phase=\"prefill\"}", 900},
      {"weir_capacity_tokens_per_second{model=\"m\",phase=\"decode\"}", 300},
      {"weir_capacity_first_token_p99_seconds{model=\"m\"}", 0.5},
      {"weir_capacity_first_token_target_seconds{model=\"m\"}", 1.5},
      {"weir_capacity_backlog_seconds{model=\"m\"}", 0.25},
      {"weir_capacity_caution{model=\"m\"}", 1.25}};
  for (const auto& [series, value] : expected)
    EXPECT_EQ(fakes::scraped(metrics, series), value) << series;
}

TEST_F(CapacityTest, WithoutItNothingIsHeld) {
  start(Capacity::Kind::none);
  EXPECT_FALSE(gate_.capacity("m"));
  EXPECT_FALSE(gate_.capacity("unknown"));
  run(3, 30);
  EXPECT_EQ(refused_, 0);
}

}  // namespace
}  // namespace weir::traffic
