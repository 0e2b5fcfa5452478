#include "weir/schedule/step_loop.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "fakes/fake_clock.h"
#include "fakes/fake_runner.h"
#include "fakes/scraped.h"

namespace weir::schedule {
namespace {

using namespace std::chrono_literals;

const ModelSpec kDecoder{
    .memory = {.pages = true}, .vocabulary = 1000, .max_tokens = 64, .page_size = 4, .pages = 64};
const ModelSpec kEncoder{
    .prompt = Prompt::whole, .heads = {HeadSpec{}}, .vocabulary = 1000, .max_tokens = 64};

class StepLoopTest : public testing::Test {
 protected:
  std::shared_ptr<work::WorkQueue> add(StepLoop& loop, const ModelSpec& spec) {
    auto queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, bell_);
    auto loaded = std::make_shared<std::promise<void>>();
    auto ready = loaded->get_future();
    loop.add({.name = "model",
              .queue = queue,
              .load = [spec]() -> Result<std::unique_ptr<Runner>> {
                return std::unique_ptr<Runner>(std::make_unique<fakes::FakeRunner>(spec, 1));
              },
              .loaded = [loaded](const Result<ModelSpec>&) { loaded->set_value(); }});
    ready.wait();
    return queue;
  }

  static std::pair<std::vector<work::Request>, work::ReplyReader> request(work::TaskParams params) {
    auto [reply, reader] = work::make_reply();
    std::vector<work::Request> requests(1);
    requests[0].prompt = {1, 2, 3};
    requests[0].params = std::move(params);
    requests[0].reply = std::move(reply);
    requests[0].arrival = clock_.now();
    return {std::move(requests), std::move(reader)};
  }

  static work::Event last(work::ReplyReader& reader) {
    for (;;) {
      auto event = reader.next(10s);
      if (!event) return Error{.message = "no answer in time"};
      if (std::holds_alternative<work::Finish>(*event) || std::holds_alternative<Error>(*event))
        return *event;
    }
  }

  inline static const SteadyClock clock_;
  Registry metrics_;
  const std::shared_ptr<Doorbell> bell_ = std::make_shared<Doorbell>();
};

TEST_F(StepLoopTest, ServesSeveralModelsToSeveralThreads) {
  StepLoop loop(bell_, clock_, metrics_);
  auto decoder = add(loop, kDecoder), encoder = add(loop, kEncoder);
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  for (int t = 0; t < 4; ++t)
    clients.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const bool embed = (t + i) % 2 == 0;
        auto [requests, reader] = request(embed ? work::TaskParams(work::Reads{work::Read{}})
                                                : work::TaskParams(work::SamplingParams{}));
        ASSERT_TRUE((embed ? encoder : decoder)->push(requests));
        answered += std::holds_alternative<work::Finish>(last(reader));
      }
    });
  for (auto& client : clients) client.join();
  EXPECT_EQ(answered.load(), 100);
  for (int i = 0; loop.in_flight() > 0 && i < 1000; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(loop.in_flight(), 0u);
}

TEST_F(StepLoopTest, TicksWhileIdleAndWhileLoading) {
  StepLoop loop(bell_, clock_, metrics_);
  std::promise<void> started, go_on;
  loop.add({.name = "slow",
            .queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, bell_),
            .load = [&]() -> Result<std::unique_ptr<Runner>> {
              started.set_value();
              go_on.get_future().wait();
              return Error{.message = "the folder is empty"};
            },
            .loaded = [](const Result<ModelSpec>&) {}});
  started.get_future().wait();
  std::this_thread::sleep_for(600ms);  // a round of half a second has passed
  EXPECT_EQ(loop.since_tick(), 0ms);
  go_on.set_value();
  std::this_thread::sleep_for(1200ms);
  // A loop without ticks never comes below a second again.
  for (int i = 0; loop.since_tick() >= 1000ms && i < 5000; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_LT(loop.since_tick(), 1000ms);
}

TEST_F(StepLoopTest, AModelsSeriesAreThereWhileItLoadsAndItsCacheOnceItHas) {
  StepLoop loop(bell_, clock_, metrics_);
  std::promise<void> go_on, loaded;
  loop.add({.name = "slow",
            .queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, bell_),
            .load = [&]() -> Result<std::unique_ptr<Runner>> {
              go_on.get_future().wait();
              return std::unique_ptr<Runner>(std::make_unique<fakes::FakeRunner>(kDecoder, 1));
            },
            .loaded = [&](const Result<ModelSpec>&) { loaded.set_value(); }});
  EXPECT_EQ(fakes::scraped(metrics_, "weir_requests_waiting{model=\"slow\"}"), 0);
  EXPECT_FALSE(fakes::scraped(metrics_, "weir_kv_cache_pages{model=\"slow\"}"));
  go_on.set_value();
  loaded.get_future().wait();
  EXPECT_EQ(fakes::scraped(metrics_, "weir_kv_cache_pages{model=\"slow\"}"), 64);
  EXPECT_EQ(fakes::scraped(metrics_, "weir_kv_cache_page_tokens{model=\"slow\"}"), 4);
  add(loop, kEncoder);
  EXPECT_EQ(fakes::scraped(metrics_, "weir_requests_waiting{model=\"model\"}"), 0);
  EXPECT_FALSE(fakes::scraped(metrics_, "weir_kv_cache_pages{model=\"model\"}"));
}

TEST_F(StepLoopTest, APauseOfTheWholeProcessIsNoStandstill) {
  fakes::FakeClock clock;
  StepLoop loop(bell_, clock, metrics_);
  clock.advance(std::chrono::hours(1));
  EXPECT_LT(loop.since_tick(), 60s);
}

TEST_F(StepLoopTest, AStepThreadThatHangsIsSeen) {
  StepLoop loop(bell_, clock_, metrics_);
  std::promise<void> go_on;
  loop.add({.name = "stuck",
            .queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, bell_),
            .load = []() -> Result<std::unique_ptr<Runner>> { return Error{.message = "no"}; },
            .loaded = [&](const Result<ModelSpec>&) { go_on.get_future().wait(); }});
  for (int i = 0; loop.since_tick() < 1000ms && i < 1000; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GE(loop.since_tick(), 1000ms);
  go_on.set_value();
  for (int i = 0; loop.since_tick() >= 1000ms && i < 1000; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_LT(loop.since_tick(), 1000ms);
}

TEST_F(StepLoopTest, AModelThatDoesNotLoadAnswersWhatWaits) {
  StepLoop loop(bell_, clock_, metrics_);
  auto queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, bell_);
  auto [requests, reader] = request(work::SamplingParams{});
  ASSERT_TRUE(queue->push(requests));
  std::promise<std::string> message;
  loop.add(
      {.name = "broken",
       .queue = queue,
       .load = []() -> Result<std::unique_ptr<Runner>> {
         return Error{.message = "config.json is missing"};
       },
       .loaded = [&](const Result<ModelSpec>& spec) { message.set_value(spec.error().message); }});
  EXPECT_EQ(message.get_future().get(), "config.json is missing");
  const auto answer = std::get<Error>(last(reader));
  EXPECT_EQ(answer.code, Code::unavailable);
  EXPECT_EQ(answer.message, "config.json is missing");
}

TEST_F(StepLoopTest, AModelThatWasNeverTriedIsToldSoAndHasNotFailed) {
  std::promise<void> begun, stopped;
  std::promise<Code> told;
  StepLoop loop(bell_, clock_, metrics_);
  const auto queue = [&] {
    return std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, bell_);
  };
  loop.add({.name = "slow",
            .queue = queue(),
            .load = [&]() -> Result<std::unique_ptr<Runner>> {
              begun.set_value();
              stopped.get_future().wait();
              return Error{.message = "too late"};
            },
            .loaded = [](const Result<ModelSpec>&) {}});
  loop.add({.name = "next",
            .queue = queue(),
            .load = []() -> Result<std::unique_ptr<Runner>> { return Error{.message = "tried"}; },
            .loaded = [&](const Result<ModelSpec>& spec) { told.set_value(spec.error().code); }});
  begun.get_future().wait();
  loop.stop();
  stopped.set_value();
  EXPECT_EQ(told.get_future().get(), Code::cancelled);
}

TEST_F(StepLoopTest, RefusesASpecThatContradictsItself) {
  StepLoop loop(bell_, clock_, metrics_);
  std::promise<std::string> message;
  loop.add(
      {.name = "odd",
       .queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, bell_),
       .load = []() -> Result<std::unique_ptr<Runner>> {
         return std::unique_ptr<Runner>(std::make_unique<fakes::FakeRunner>(
             ModelSpec{.vocabulary = 1000, .max_tokens = 8}, 0));
       },
       .loaded = [&](const Result<ModelSpec>& spec) { message.set_value(spec.error().message); }});
  EXPECT_EQ(message.get_future().get(), "the model generates and remembers nothing");
}

TEST_F(StepLoopTest, StopAnswersEverythingAndLaterModels) {
  auto loop = std::make_unique<StepLoop>(bell_, clock_, metrics_);
  auto queue = add(*loop, kDecoder);
  work::SamplingParams params;
  params.max_tokens = 60;
  std::vector<work::ReplyReader> readers;
  for (int i = 0; i < 200; ++i) {
    auto [requests, reader] = request(params);
    ASSERT_TRUE(queue->push(requests));
    readers.push_back(std::move(reader));
  }
  loop->stop();
  for (auto& reader : readers) {
    const auto answer = last(reader);
    const auto* error = std::get_if<Error>(&answer);
    EXPECT_TRUE(!error || error->code == Code::unavailable);
  }
  auto late = add(*loop, kDecoder);  // answered whether or not the thread has ended
  auto [requests, reader] = request(params);
  while (loop->in_flight() > 0) std::this_thread::sleep_for(1ms);
  loop.reset();
  EXPECT_EQ(late->push(requests).error().code, Code::unavailable);
}

/// A device that is lost at its `last` step, at once or while the step after it is already queued.
class LostDeviceTest : public StepLoopTest, public testing::WithParamInterface<bool> {
 protected:
  std::shared_ptr<work::WorkQueue> add_runner(StepLoop& loop, int last) {
    auto queue = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, bell_);
    auto load = [this, last]() -> Result<std::unique_ptr<Runner>> {
      auto runner = std::make_unique<MortalRunner>(destroyed_);
      auto fails = [last, step = 0]() mutable { return ++step == last; };
      (GetParam() ? runner->faults.launch : runner->faults.collect) = fails;
      runner->faults.lost = [] { return true; };
      runners_.push_back(runner.get());
      return std::unique_ptr<Runner>(std::move(runner));
    };
    SchedulerOptions options;
    options.max_sequences = 2;  // the others have not begun when it happens
    loop.add({.name = "model",
              .options = options,
              .queue = queue,
              .load = load,
              .loaded = [](const Result<ModelSpec>&) {}});
    return queue;
  }

  static void expect_unavailable(work::ReplyReader& reader) {
    const auto answer = last(reader);
    const auto* error = std::get_if<Error>(&answer);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, Code::unavailable) << error->message;
  }

  void TearDown() override {
    if (destroyed_ == 0)
      for (Runner* runner : runners_) delete runner;
  }

  std::atomic<int> destroyed_ = 0;
  std::vector<Runner*> runners_;

 private:
  struct MortalRunner : fakes::FakeRunner {
    explicit MortalRunner(std::atomic<int>& destroyed)
        : FakeRunner(kDecoder, 1), destroyed_(destroyed) {}
    ~MortalRunner() override { ++destroyed_; }
    std::atomic<int>& destroyed_;
  };
};

TEST_P(LostDeviceTest, EverythingIsAnsweredThenTheOwnerIsTold) {
  std::promise<std::string> told;
  StepLoop loop(bell_, clock_, metrics_,
                {.enter = {}, .lost = [&](const Error& why) { told.set_value(why.message); }});
  work::SamplingParams params;
  params.max_tokens = 60;
  auto healthy = add_runner(loop, 1 << 30), doomed = add_runner(loop, 5);
  std::vector<work::Request> all;
  std::vector<work::ReplyReader> readers;
  for (int i = 0; i < 8; ++i) {
    auto [requests, reader] = request(params);
    all.push_back(std::move(requests[0]));
    readers.push_back(std::move(reader));
  }
  ASSERT_TRUE(doomed->push(all));
  auto message = told.get_future();
  ASSERT_EQ(message.wait_for(2s), std::future_status::ready);
  EXPECT_EQ(message.get(), "device lost: a fault");
  for (auto& reader : readers) expect_unavailable(reader);
  for (auto& queue : {healthy, doomed}) {
    auto [requests, reader] = request(params);
    EXPECT_EQ(queue->push(requests).error().code, Code::unavailable);
  }
  EXPECT_EQ(loop.in_flight(), 0u);
  EXPECT_EQ(destroyed_.load(), 0);  // what they hold cannot be freed
}

INSTANTIATE_TEST_SUITE_P(When, LostDeviceTest, testing::Bool(),
                         [](const auto& at) { return at.param ? "launched" : "collected"; });

}  // namespace
}  // namespace weir::schedule
