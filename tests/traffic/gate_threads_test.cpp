#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "weir/traffic/gate.h"

using namespace std::chrono_literals;

namespace weir::traffic {
namespace {

using std::chrono::milliseconds;

constexpr size_t kThreads = 32, kKeys = 8;
constexpr int64_t kAtOnce = 3;
constexpr int64_t kRequestsPerSecond = 300, kModelTokensPerSecond = 200'000;
// So slow that a unit does not come back while the test runs: what is missing
// is what was used.
constexpr Limit kRequests{.unit = Unit::requests, .cap = 1'000'000, .window = 24h * 36500};
constexpr Limit kTokens{.unit = Unit::tokens, .cap = 1'000'000'000, .calendar = Calendar::month};

/// Lets the test look into the buckets after the gate is closed.
class Glass final : public Limiter {
 public:
  explicit Glass(std::map<std::string, Cell>& seen) : seen_(seen) {}
  Decision take(std::span<const Cell> cells, const Cost& cost, TimePoint now) override {
    note(cells);
    return inner_->take(cells, cost, now);
  }
  std::vector<CellState> adjust(std::span<const Cell> cells, const Cost& change,
                                TimePoint now) override {
    note(cells);
    return inner_->adjust(cells, change, now);
  }

 private:
  void note(std::span<const Cell> cells) {
    std::lock_guard lock(mutex_);
    for (const Cell& cell : cells) seen_.try_emplace(cell.id, cell);
  }

  const std::unique_ptr<Limiter> inner_ = make_memory_limiter();
  std::mutex mutex_;
  std::map<std::string, Cell>& seen_;
};

std::string name_of(size_t key) { return std::string("k").append(std::to_string(key)); }

/// What one key's requests came to.
struct Tally {
  std::atomic<int64_t> running = 0, most = 0;
  std::atomic<int64_t> admitted = 0, given_back = 0, left = 0, refused = 0, closed = 0;
  std::atomic<int64_t> requests = 0, tokens = 0;  // charged in the end
};

class GateThreads : public testing::Test {
 protected:
  GateThreads() {
    auto glass = std::make_unique<Glass>(cells_);
    glass_ = glass.get();
    gate_ = std::make_unique<Gate>(std::move(glass), clock_, GateOptions{.wall = [] {
                                     return std::chrono::sys_days{std::chrono::days(20000)};
                                   }});
    gate_->set_rules({.tenants = {{"t0", {{Unit::input_tokens, 100'000, 1s}}}},
                      .models = {{"m0", {{Unit::tokens, kModelTokensPerSecond, 1s}}}}});
    for (size_t i = 0; i < kKeys; ++i) {
      keys_.push_back(
          std::make_shared<const Key>(Key{.name = name_of(i),
                                          .tenant = i % 2 == 0 ? "t0" : "t1",
                                          .weight = i % 3 == 0 ? 2.0 : 1.0,
                                          .priority = i == 7 ? 9 : 5,
                                          .limits = {kRequests,
                                                     kTokens,
                                                     {Unit::requests, kRequestsPerSecond, 1s},
                                                     {.unit = Unit::concurrent, .cap = kAtOnce}}}));
    }
  }

  void visit(size_t key, std::mt19937& random);
  /// Whether it got through; `left` and `closed` are counted.
  bool waits(Place& place, Tally& tally, std::mt19937& random);
  void run(Permit permit, Tally& tally, std::mt19937& random);
  int64_t used_of(const std::string& key, const Limit& limit);

  SteadyClock clock_;
  std::map<std::string, Cell> cells_;
  Glass* glass_ = nullptr;
  std::unique_ptr<Gate> gate_;
  std::vector<std::shared_ptr<const Key>> keys_;
  std::array<Tally, kKeys> tallies_;
  std::atomic<bool> stop_ = false;
};

const Cost kCost{.requests = 1, .input_tokens = 60, .output_tokens = 140, .concurrent = 1};

void GateThreads::visit(size_t key, std::mt19937& random) {
  Tally& tally = tallies_[key];
  auto place = gate_->enter({.key = keys_[key],
                             .model = random() % 2 == 0 ? "m0" : "m1",
                             .cost = kCost,
                             .max_wait = milliseconds(random() % 4 * 20)});
  if (!place) {
    EXPECT_TRUE(place.error().code == Code::rate_limited || place.error().code == Code::unavailable)
        << place.error().message;
    ++tally.refused;
    if (place.error().code == Code::unavailable) stop_ = true;
    return;
  }
  if (!waits(*place, tally, random)) return;
  ++tally.admitted;
  if (random() % 16 == 0) {  // nobody takes it
    ++tally.given_back;
    return;
  }
  run(place->take(), tally, random);
}

bool GateThreads::waits(Place& place, Tally& tally, std::mt19937& random) {
  while (!place.admitted()) {
    (void)place.standing();
    auto through = place.wait(milliseconds(random() % 8));
    if (!through) {
      ++(through.error().code == Code::unavailable ? tally.closed : tally.refused);
      return false;
    }
    if (!*through && random() % 8 == 0) {
      ++tally.left;
      return false;
    }
  }
  return true;
}

void GateThreads::run(Permit permit, Tally& tally, std::mt19937& random) {
  const int64_t here = ++tally.running;
  int64_t most = tally.most;
  while (here > most && !tally.most.compare_exchange_weak(most, here)) {
  }
  const int64_t output = static_cast<int64_t>(random() % 500);
  if (random() % 4 == 0) std::this_thread::sleep_for(1ms);
  permit.used(60, output / 2);
  permit.used(60, output);
  const bool is_ours = random() % 8 == 0;
  if (is_ours) {
    ++tally.given_back;
  } else {
    ++tally.requests;
    tally.tokens += 60 + output;
  }
  --tally.running;  // before it ends, so that nobody who comes after is counted
                    // beside it
  if (is_ours) permit.refund_all();
}

int64_t GateThreads::used_of(const std::string& key, const Limit& limit) {
  for (const auto& [id, cell] : cells_) {
    if (cell.owner != "key " + key || cell.limit.unit != limit.unit ||
        cell.limit.window != limit.window || cell.limit.calendar != limit.calendar) {
      continue;
    }
    const Cell one = cell;
    return limit.cap - glass_->adjust(std::span(&one, 1), Cost{}, clock_.now()).at(0).remaining;
  }
  ADD_FAILURE() << "no bucket of " << key;
  return -1;
}

TEST_F(GateThreads, KeepCapsAndBooksAndAllEnd) {
  const TimePoint start = clock_.now();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i] {
      std::mt19937 random(static_cast<uint32_t>(i));
      do {
        visit(i % kKeys, random);
      } while (!stop_);
    });
  }
  std::this_thread::sleep_for(1200ms);
  gate_->close();
  const TimePoint closed = clock_.now();
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(clock_.now() - closed, 10s) << "somebody hangs";
  EXPECT_EQ(gate_->waiting(), 0u);

  const double seconds = std::chrono::duration<double>(clock_.now() - start).count();
  int64_t left = 0, refused = 0;
  for (size_t i = 0; i < kKeys; ++i) {
    SCOPED_TRACE(keys_[i]->name);
    const Tally& tally = tallies_[i];
    EXPECT_GT(tally.requests, 0);
    EXPECT_LE(tally.most, kAtOnce);
    EXPECT_EQ(used_of(keys_[i]->name, {.unit = Unit::concurrent, .cap = kAtOnce}), 0);
    EXPECT_EQ(used_of(keys_[i]->name, kRequests), tally.requests);
    EXPECT_EQ(used_of(keys_[i]->name, kTokens), tally.tokens);
    EXPECT_LE(static_cast<double>(tally.admitted - tally.given_back),
              kRequestsPerSecond * (1 + seconds));
    left += tally.left;
    refused += tally.refused;
  }
  EXPECT_GT(left, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace weir::traffic
