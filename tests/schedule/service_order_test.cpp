// One order of service, given once to a gate and to a queue with its scheduler: the gate's line,
// the queue's forecasts and the scheduler's admissions follow it.
#include "weir/base/service_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/fake_clock.h"
#include "fakes/fake_runner.h"
#include "weir/schedule/scheduler.h"
#include "weir/traffic/gate.h"

namespace weir::schedule {
namespace {

using namespace std::chrono_literals;

class ByAge final : public ServiceOrder {
 public:
  uint32_t level(int, double) const override { return 0; }
  double charge(double, double) const override { return 0; }
};

class ByWeight final : public ServiceOrder {
 public:
  uint32_t level(int, double weight) const override { return static_cast<uint32_t>(weight); }
  double charge(double, double) const override { return 0; }
};

struct Client {
  std::string name;
  int priority;
  float weight;
};
const Client kA{"a", 5, 1}, kB{"b", 5, 3}, kC{"c", 7, 1}, kD{"d", 5, 2};

constexpr int64_t kTokens = 10;  // of each prompt; one more of each answer

/// Numbers of the arrivals, from 0.
using Arrivals = std::vector<size_t>;

/// A model's line at the gate, with a bucket that pays one request a second.
class Line {
 public:
  explicit Line(const ServiceOrder& order)
      : gate_(traffic::make_memory_limiter(), clock_, {.forecast_age = 0ms, .order = &order}) {
    const traffic::Limit one{.unit = traffic::Unit::requests, .cap = 1, .window = 1s};
    gate_.set_rules({.models = {{.name = "m", .limits = {one}, .capacity = {}}}});
    EXPECT_TRUE(first_.emplace(*enter({"first", 5, 1})).admitted());
  }

  void arrive(const Client& client) { places_.push_back(std::move(*enter(client))); }
  /// From 1.
  size_t place_of_last() const { return places_.back().standing().place; }

  Arrivals serve() {
    Arrivals served;
    while (served.size() < places_.size()) {
      clock_.advance(1s);
      for (size_t i = 0; i < places_.size(); ++i)
        if (*places_[i].wait(0ms) && !testing::Value(served, testing::Contains(i)))
          served.push_back(i);
    }
    return served;
  }

 private:
  Result<traffic::Place> enter(const Client& client) {
    const auto key = std::make_shared<const traffic::Key>(traffic::Key{
        .name = client.name, .weight = client.weight, .priority = client.priority, .limits = {}});
    return gate_.enter({.key = key,
                        .model = "m",
                        .cost = {.requests = 1, .input_tokens = kTokens, .output_tokens = 1},
                        .max_wait = 1h});
  }

  fakes::FakeClock clock_;
  traffic::Gate gate_;
  std::optional<traffic::Place> first_;  // emptied the bucket
  std::vector<traffic::Place> places_;
};

/// A queue and a scheduler with one seat.
class Model {
 public:
  explicit Model(const ServiceOrder& order)
      : queue_({}, nullptr, order),
        scheduler_({runner_, queue_, clock_, series_},
                   {.max_sequences = 1, .prefix_cache = false}) {}

  /// How many would be served before a request of `client`.
  size_t before(const Client& client) const {
    return queue_.forecast({client.name, client.priority, client.weight}, kTokens).position;
  }

  void arrive(const Client& client) {
    auto [reply, reader] = work::make_reply();
    std::vector<work::Request> requests(1);
    requests[0].prompt.assign(kTokens, 1);
    requests[0].params = work::SamplingParams{.max_tokens = 1};
    requests[0].reply = std::move(reply);
    requests[0].client = client.name;
    requests[0].priority = client.priority;
    requests[0].weight = client.weight;
    EXPECT_TRUE(queue_.push(requests));
    readers_.push_back(std::move(reader));
  }

  Arrivals serve() {
    do scheduler_.step();
    while (!scheduler_.idle());
    Arrivals served;
    for (const SequenceId id : runner_.first_rows) served.push_back(id - 1);
    return served;
  }

 private:
  fakes::FakeClock clock_;
  Registry metrics_;
  const StepSeries series_{metrics_, {{"model", "m"}}};
  fakes::FakeRunner runner_{
      {.memory = {.pages = true}, .vocabulary = 100, .max_tokens = 20, .pages = 10}, 0};
  work::WorkQueue queue_;
  Scheduler scheduler_;
  std::vector<work::ReplyReader> readers_;
};

void expect_served(const ServiceOrder& order, const std::vector<Client>& arrivals,
                   const Arrivals& expected) {
  Line line(order);
  Model model(order);
  size_t before = 0;
  for (const Client& client : arrivals) {
    before = model.before(client);
    line.arrive(client);
    model.arrive(client);
  }
  const auto place = static_cast<size_t>(
      std::find(expected.begin(), expected.end(), arrivals.size() - 1) - expected.begin());
  EXPECT_EQ(before, place);
  EXPECT_EQ(line.place_of_last(), place + 1);
  EXPECT_EQ(line.serve(), expected);
  EXPECT_EQ(model.serve(), expected);
}

TEST(ServiceOrder, FairByDefault) {
  expect_served(fair_order(), {kA, kA, kB, kA, kC, kB}, {4, 0, 2, 5, 1, 3});
  expect_served(fair_order(), {kA, kA, kB, kA, kC, kB, kB}, {4, 0, 2, 5, 6, 1, 3});
  expect_served(fair_order(), {kA, kA, kB, kA, kC, kB, kA}, {4, 0, 2, 5, 1, 3, 6});
  expect_served(fair_order(), {kA, kA, kB, kA, kC, kB, kC}, {4, 6, 0, 2, 5, 1, 3});
  expect_served(fair_order(), {kA, kA, kB, kA, kC, kB, kD}, {4, 0, 2, 6, 5, 1, 3});
}

TEST(ServiceOrder, FirstComeFirstServed) {
  expect_served(ByAge(), {kA, kA, kB, kA, kC, kB}, {0, 1, 2, 3, 4, 5});
  expect_served(ByAge(), {kA, kA, kB, kA, kC, kB, kD}, {0, 1, 2, 3, 4, 5, 6});
}

TEST(ServiceOrder, ByWeightAlone) {
  expect_served(ByWeight(), {kA, kA, kB, kA, kC, kB}, {2, 5, 0, 1, 3, 4});
  expect_served(ByWeight(), {kA, kA, kB, kA, kC, kB, kA}, {2, 5, 0, 1, 3, 4, 6});
  expect_served(ByWeight(), {kA, kA, kB, kA, kC, kB, kD}, {2, 5, 6, 0, 1, 3, 4});
}

}  // namespace
}  // namespace weir::schedule
