// What the scheduler makes of a machine's step times, without the machine and its noise: an open
// loop of requests with some tokens in and 128 out, at each rate the share that keeps both limits,
// then a long prompt beside eight streams. The times of steps are those of SmolLM2 on two cores
// (`step_bench`); each is drawn around its figure, the same way in every run.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <iterator>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "request/instant_runner.h"
#include "schedule/prompt_work.h"
#include "weir/base/clock.h"
#include "weir/schedule/scheduler.h"
#include "weir/work/work_queue.h"

namespace {

using namespace weir;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr uint32_t kAnswer = 128, kLong = 4000, kStreams = 8;
constexpr double kFirstLimit = 500, kGapLimit = 60;  // ms
constexpr double kPromptToken = 0.75;                // of a decoding row: no head
constexpr double kSpread = 0.15, kHiccups = 0.01, kHiccup = 1.7;

/// Milliseconds of a step by its rows; on from the last point as steep as `each`.
struct Machine {
  std::vector<std::pair<double, double>> points;
  double each = 0;

  double step(double rows) const {
    const auto& [last, longest] = points.back();
    if (rows >= last) return longest + (rows - last) * each;
    const auto to = std::ranges::upper_bound(points, rows, {}, &std::pair<double, double>::first);
    const auto from = std::prev(to);
    return std::lerp(from->second, to->second, (rows - from->first) / (to->first - from->first));
  }
};

const std::map<std::string, Machine>& machines() {
  static const std::map<std::string, Machine> all = {
      {"zen4",
       {{{0, 5.5}, {1, 5.8}, {2, 6.4}, {4, 7.5}, {8, 8.6}, {11, 10.9}, {14, 13.3}, {32, 28.2}},
        0.9}},
      {"zen3",
       {{{0, 8.3}, {1, 8.5}, {2, 9}, {4, 10.5}, {8, 14.8}, {11, 19}, {14, 23.5}, {32, 52.5}},
        1.65}}};
  return all;
}

class SimulatedClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  void pass(Milliseconds time) { now_ += std::chrono::ceil<Duration>(time); }

 private:
  TimePoint now_{std::chrono::hours(1)};
};

/// Answers at once; time passes as it would on `machine`.
class SimulatedRunner final : public schedule::Runner {
 public:
  SimulatedRunner(const Machine& machine, SimulatedClock& clock)
      : machine_(machine), clock_(clock) {}

  const schedule::ModelSpec& spec() const override { return model_.spec(); }
  int depth() const override { return 0; }

  Result<void> launch(const schedule::StepPlan& plan) override {
    const schedule::PromptWork prompt(spec().attention_span);
    double rows = 0;
    for (const schedule::Row& row : plan.rows)
      rows += row.drawn > 0
                  ? 1
                  : kPromptToken * prompt.of(row.first, static_cast<uint32_t>(row.tokens.size()));
    const double hiccup = chance_(random_) < kHiccups ? kHiccup : 1;
    clock_.pass(Milliseconds(machine_.step(rows) * spread_(random_) * hiccup));
    return model_.launch(plan);
  }
  Result<std::vector<work::Output>> collect() override { return model_.collect(); }

 private:
  bench::InstantRunner model_{
      {.memory = {.pages = true}, .max_tokens = 8192, .pages = 40000, .attention_span = 1300},
      0,
      std::chrono::nanoseconds(0)};
  const Machine& machine_;
  SimulatedClock& clock_;
  std::mt19937_64 random_{7};
  std::lognormal_distribution<double> spread_{0, kSpread};
  std::uniform_real_distribution<double> chance_;
};

struct Stream {
  work::ReplyReader reader;
  TimePoint asked;
  std::vector<TimePoint> tokens = {};
  bool done = false;

  double first() const { return Milliseconds(tokens.front() - asked).count(); }
  double mean_gap() const {
    return Milliseconds(tokens.back() - tokens.front()).count() /
           static_cast<double>(tokens.size() - 1);
  }
  /// Milliseconds before each token that came after `since`.
  std::vector<double> gaps(TimePoint since) const {
    std::vector<double> found;
    for (size_t i = 1; i < tokens.size(); ++i)
      if (tokens[i - 1] >= since) found.push_back(Milliseconds(tokens[i] - tokens[i - 1]).count());
    return found;
  }
};

class World {
 public:
  World(const Machine& machine, const schedule::SchedulerOptions& options)
      : runner_(machine, clock_),
        scheduler_(schedule::Scheduler::Parts{runner_, queue_, clock_, series_}, options) {}

  TimePoint now() const { return clock_.now(); }
  bool busy() const { return !open_.empty(); }
  void wait_until(TimePoint time) { clock_.pass(time - now()); }

  Stream& ask(uint32_t prompt, uint32_t answer) {
    auto [reply, reader] = work::make_reply();
    work::Request request;
    for (uint32_t i = 0; i < prompt; ++i)  // no two prompts share a page
      request.prompt.push_back(static_cast<int32_t>(streams_.size() * 7919 + i));
    request.params = work::SamplingParams{.max_tokens = answer};
    request.reply = std::move(reply);
    request.arrival = now();
    std::vector<work::Request> requests;
    requests.push_back(std::move(request));
    if (auto pushed = queue_.push(requests); !pushed)
      throw std::runtime_error(pushed.error().message);
    open_.push_back(&streams_.emplace_back(std::move(reader), now()));
    return *open_.back();
  }

  void step() {
    scheduler_.step();
    std::erase_if(open_, [this](Stream* stream) { return read(*stream); });
  }

  const std::deque<Stream>& streams() const { return streams_; }

 private:
  bool read(Stream& stream) {
    while (auto event = stream.reader.next(std::chrono::milliseconds(0))) {
      if (std::holds_alternative<work::Token>(*event)) stream.tokens.push_back(now());
      if (auto* error = std::get_if<Error>(&*event)) throw std::runtime_error(error->message);
      stream.done = std::holds_alternative<work::Finish>(*event);
    }
    return stream.done;
  }

  SimulatedClock clock_;
  work::WorkQueue queue_{{.requests = SIZE_MAX, .tokens = SIZE_MAX}, nullptr};
  SimulatedRunner runner_;
  Registry metrics_;
  schedule::StepSeries series_{metrics_, {{"model", "simulated"}}};
  schedule::Scheduler scheduler_;
  std::deque<Stream> streams_;
  std::vector<Stream*> open_;
};

double percentile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values.at(
      std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size()))));
}

void open_loop(const Machine& machine, const schedule::SchedulerOptions& options, double rate,
               size_t requests, uint32_t prompt) {
  World world(machine, options);
  std::mt19937_64 random(11);
  std::exponential_distribution<double> pause(rate / 1000);
  TimePoint next = world.now();
  while (world.streams().size() < requests || world.busy()) {
    while (world.streams().size() < requests && world.now() >= next) {
      world.ask(prompt, kAnswer);
      next += std::chrono::ceil<Duration>(Milliseconds(pause(random)));
    }
    if (world.busy())
      world.step();
    else
      world.wait_until(next);
  }
  size_t kept = 0;
  std::vector<double> firsts, gaps;
  for (const Stream& stream : world.streams()) {
    firsts.push_back(stream.first());
    gaps.push_back(stream.mean_gap());
    kept += firsts.back() <= kFirstLimit && gaps.back() <= kGapLimit;
  }
  std::printf(
      "%5.2f requests/s: %5.1f %% keep %g and %g ms; first token %.0f / %.0f ms, "
      "mean between tokens %.1f / %.1f ms (p50 / p99)\n",
      rate, 100.0 * static_cast<double>(kept) / static_cast<double>(requests), kFirstLimit,
      kGapLimit, percentile(firsts, 0.5), percentile(firsts, 0.99), percentile(gaps, 0.5),
      percentile(gaps, 0.99));
}

void long_prompt(const Machine& machine, const schedule::SchedulerOptions& options) {
  World world(machine, options);
  for (uint32_t i = 0; i < kStreams; ++i) world.ask(32, 3000);
  for (int i = 0; i < 100; ++i) world.step();
  const TimePoint settled = world.now();
  for (int i = 0; i < 400; ++i) world.step();
  const auto p99_since = [&](TimePoint since) {
    std::vector<double> gaps;
    for (const Stream& stream : world.streams())
      if (!stream.done) std::ranges::copy(stream.gaps(since), std::back_inserter(gaps));
    return percentile(std::move(gaps), 0.99);
  };
  const double alone = p99_since(settled);
  const Stream& prompt = world.ask(kLong, 1);
  while (!prompt.done) world.step();
  const double beside = p99_since(prompt.asked);
  std::printf(
      "a prompt of %u tokens beside %u streams: p99 between tokens %.1f ms, alone %.1f "
      "(%.2f times); first token %.0f ms\n",
      kLong, kStreams, beside, alone, beside / alone, prompt.first());
}

}  // namespace

int main(int argc, char** argv) {
  std::string name = "zen4";
  std::vector<double> rates = {3.5, 3.6, 3.7, 3.8, 3.9, 4.0};
  size_t requests = 20000;
  uint32_t prompt = 128;
  schedule::SchedulerOptions options{.min_chunk_tokens = 8, .max_chunk_tokens = 64};
  CLI::App app("The scheduler with the step times of a machine.");
  app.add_option("--machine", name)->check(CLI::IsMember(machines()));
  app.add_option("--rates", rates, "requests a second")
      ->delimiter(',')
      ->check(CLI::Range(0.01, 1000.0));
  app.add_option("--requests", requests, "of each rate")->check(CLI::Range(1, 1 << 20));
  app.add_option("--prompt-tokens", prompt, "of each request")->check(CLI::Range(1, 2048));
  app.add_option("--min-chunk-tokens", options.min_chunk_tokens)->check(CLI::Range(1, 1 << 16));
  app.add_option("--max-chunk-tokens", options.max_chunk_tokens)->check(CLI::Range(1, 1 << 16));
  CLI11_PARSE(app, argc, argv);
  const Machine& machine = machines().at(name);
  for (const double rate : rates) open_loop(machine, options, rate, requests, prompt);
  long_prompt(machine, options);
}
