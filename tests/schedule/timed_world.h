#pragma once

#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fakes/fake_clock.h"
#include "fakes/fake_runner.h"
#include "weir/schedule/scheduler.h"
#include "weir/work/work_queue.h"

namespace weir::schedule {

/// A model whose steps take a known time: 8 ms, and 1 ms for each token.
class TimedRunner final : public fakes::FakeRunner {
 public:
  TimedRunner(const ModelSpec& spec, fakes::FakeClock& clock)
      : FakeRunner(spec, 0), clock_(clock) {}

  Result<void> launch(const StepPlan& plan) override {
    rows.assign(plan.rows.begin(), plan.rows.end());
    clock_.advance(std::chrono::milliseconds(8 + plan.tokens));
    return FakeRunner::launch(plan);
  }

  std::vector<Row> rows;  // of the last step

 private:
  fakes::FakeClock& clock_;
};

/// What a client asks for, and how it goes.
struct Ask {
  std::string client;
  size_t prompt = 8;
  uint32_t completion = 8;
  float weight = 1;
  int priority = 5;
};

struct Stream {
  Ask ask;
  SequenceId id = 0;
  work::ReplyReader reader;
  work::QueueForecast forecast;
  TimePoint pushed;
  size_t pushed_step = 0, first_step = 0, tokens = 0, tokens_now = 0;  // now: of the last step
  std::optional<std::chrono::microseconds> queued;
  std::optional<Error> error;
  bool done = false;
};

/// One scheduler over a TimedRunner.
class TimedWorld {
 public:
  explicit TimedWorld(const SchedulerOptions& options, work::WorkQueue::Limits limits = {})
      : queue(limits, nullptr), runner(spec(), clock) {
    scheduler =
        std::make_unique<Scheduler>(Scheduler::Parts{runner, queue, clock, series}, options);
  }

  static ModelSpec spec() {
    return {.memory = {.pages = true},
            .vocabulary = 100000,
            .max_tokens = 8192,
            .page_size = 16,
            .pages = 20000};
  }

  /// Null if it was refused; see `refusal`.
  Stream* push(const Ask& ask) {
    auto stream = std::make_unique<Stream>();
    auto [reply, reader] = work::make_reply();
    std::vector<work::Request> requests(1);
    work::SamplingParams params;
    params.max_tokens = ask.completion;
    for (size_t i = 0; i < ask.prompt; ++i)  // no two prompts share a page
      requests[0].prompt.push_back(static_cast<int32_t>((next_id_ * 7919 + i) % 100000));
    requests[0].params = params;
    requests[0].reply = std::move(reply);
    requests[0].client = ask.client;
    requests[0].weight = ask.weight;
    requests[0].priority = ask.priority;
    requests[0].arrival = clock.now();
    stream->forecast = queue.forecast({ask.client, ask.priority, ask.weight}, ask.prompt);
    if (auto pushed = queue.push(requests); !pushed) {
      refusal = pushed.error();
      return nullptr;
    }
    stream->ask = ask;
    stream->id = next_id_++;
    stream->reader = std::move(reader);
    stream->pushed = clock.now();
    stream->pushed_step = steps;
    streams.push_back(std::move(stream));
    return streams.back().get();
  }

  void step() {
    runner.rows.clear();
    scheduler->step();
    ++steps;
    for (auto& stream : streams)
      if (!stream->done) read(*stream);
  }

  size_t waiting(const std::string& client) const {
    size_t count = 0;
    for (const auto& stream : streams)
      count += stream->ask.client == client && !stream->done && !stream->queued;
    return count;
  }

  /// Tokens that a client's prompts and completions were served, as the shares count them.
  double served(const std::string& client) const {
    double sum = 0;
    for (const auto& stream : streams)
      if (stream->ask.client == client && stream->tokens > 0)
        sum += static_cast<double>(stream->ask.prompt + 2 * stream->tokens);
    return sum;
  }

  const Stream& of(const Row& row) const { return *streams.at(row.id - 1); }

  fakes::FakeClock clock;
  work::WorkQueue queue;
  TimedRunner runner;
  Registry metrics;
  StepSeries series{metrics, {{"model", "timed"}}};
  std::unique_ptr<Scheduler> scheduler;
  std::vector<std::unique_ptr<Stream>> streams;
  Error refusal;
  size_t steps = 0;

 private:
  void read(Stream& stream) {
    stream.tokens_now = 0;
    while (auto event = stream.reader.next(std::chrono::milliseconds(0))) {
      if (auto* started = std::get_if<work::Started>(&*event)) stream.queued = started->queued;
      if (std::holds_alternative<work::Token>(*event)) ++stream.tokens_now;
      if (auto* error = std::get_if<Error>(&*event)) stream.error = *error;
      stream.done = stream.error || std::holds_alternative<work::Finish>(*event);
    }
    if (stream.tokens == 0 && stream.tokens_now > 0) stream.first_step = steps;
    stream.tokens += stream.tokens_now;
  }

  SequenceId next_id_ = 1;
};

}  // namespace weir::schedule
