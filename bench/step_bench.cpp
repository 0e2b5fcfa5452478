// Decode steps in process, without HTTP, tokenizer and scheduler: how long a step takes, and how
// much of it each operation. `step_bench MODEL --rows 8 --keys 192` decodes the last of 192 tokens
// of 8 sequences, again and again. With --source 9 each has a source of 9 tokens, which is encoded
// in the step if --keys is --tokens. Prints the time of a step, and with --detail that of each
// operation.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "timed_backend.h"
#include "weir/arch/table.h"
#include "weir/engine/load.h"

namespace {

using namespace weir;
using bench::Times;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model;
  uint32_t rows = 8, keys = 192, tokens = 1, source = 0;
  int steps = 100, rounds = 5, threads = 0;
  bool dummy = false, detail = false, float32 = false;
};

constexpr uint32_t kPageSize = 16;
constexpr uint32_t kLeastPages = 512;  // as many as a server has: they lie on huge pages then

/// The CPU, with a backend that keeps the time.
class TimedDevice final : public engine::Device {
 public:
  TimedDevice(std::unique_ptr<engine::Device> device, Times* times)
      : device_(std::move(device)),
        backend_(times ? bench::timed(device_->backend(), *times) : nullptr) {}
  engine::DeviceKind kind() const override { return device_->kind(); }
  std::string name() const override { return device_->name(); }
  void enter() override { device_->enter(); }
  nn::Backend& backend() override { return backend_ ? *backend_ : device_->backend(); }
  void step_begin() override { device_->step_begin(); }
  void step_end() override { device_->step_end(); }
  uint64_t free_memory() const override { return device_->free_memory(); }

 private:
  std::unique_ptr<engine::Device> device_;
  std::unique_ptr<nn::Backend> backend_;
};

/// Sequences that all stand at the same position; their keys are whatever lies in the pages.
class Batch {
 public:
  explicit Batch(const Options& options) : options_(options) {
    const uint32_t own = pages_of(options.keys), each = own + pages_of(options.source);
    prompts_.resize(options.rows);
    sources_.resize(options.rows);
    pages_.resize(options.rows);
    const bool encodes = options.keys == options.tokens;
    std::mt19937 random(7);
    std::uniform_int_distribution<int32_t> any(0, 999);
    std::vector<int32_t> ids(pages(options));
    std::iota(ids.begin(), ids.end(), 0);
    std::shuffle(ids.begin(), ids.end(), random);
    for (uint32_t r = 0; r < options.rows; ++r) {
      for (uint32_t i = 0; i < options.tokens; ++i) prompts_[r].push_back(any(random));
      for (uint32_t i = 0; i < options.source; ++i) sources_[r].push_back(any(random));
      pages_[r].assign(ids.begin() + r * each, ids.begin() + (r + 1) * each);
      plan_.rows.push_back({.id = r + 1,
                            .tokens = prompts_[r],
                            .first = options.keys - options.tokens,
                            .pages = std::span(pages_[r]).first(own),
                            .source_pages = std::span(pages_[r]).subspan(own),
                            .params = &params_,
                            .wants_output = true,
                            .source = encodes ? sources_[r] : std::span<const int32_t>(),
                            .source_tokens = options.source});
    }
    plan_.tokens = options.rows * (options.tokens + (encodes ? options.source : 0));
  }
  Batch(const Batch&) = delete;

  static uint32_t pages(const Options& options) {
    return std::max(kLeastPages,
                    options.rows * (pages_of(options.keys) + pages_of(options.source)));
  }

  Result<void> run(schedule::Runner& runner) const {
    if (auto launched = runner.launch(plan_); !launched) return launched.error();
    auto outputs = runner.collect();
    return outputs ? Result<void>() : outputs.error();
  }

 private:
  static uint32_t pages_of(uint32_t tokens) { return (tokens + kPageSize - 1) / kPageSize; }

  const Options options_;
  const work::TaskParams params_ = work::SamplingParams{};
  std::vector<std::vector<int32_t>> prompts_, sources_;
  std::vector<std::vector<int32_t>> pages_;
  schedule::StepPlan plan_;
};

Result<void> measure(const Options& options) {
  Times times;
  auto opened = engine::Device::open({.kind = engine::DeviceKind::cpu, .threads = options.threads});
  if (!opened) return opened.error();
  TimedDevice device(*std::move(opened), options.detail ? &times : nullptr);
  device.enter();
  Progress progress;
  const engine::LoadOptions wanted{
      .directory = options.model,
      .dtype = options.float32 ? engine::DType::float32 : engine::DType::bfloat16,
      .max_sequences = options.rows,
      .max_batch_tokens = options.rows * (options.tokens + options.source),
      .page_size = kPageSize,
      .pages = Batch::pages(options),
      .dummy = options.dummy};
  auto loaded = engine::load(wanted, arch::table(), device, progress);
  if (!loaded) return loaded.error();
  const Batch batch(options);
  for (int i = 0; i < 3; ++i)
    if (auto ran = batch.run(*loaded->runner); !ran) return ran;
  times.clear();
  std::vector<double> rounds;
  for (int round = 0; round < options.rounds; ++round) {
    const auto begin = Clock::now();
    for (int i = 0; i < options.steps; ++i)
      if (auto ran = batch.run(*loaded->runner); !ran) return ran;
    rounds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count() /
                     options.steps);
  }
  std::sort(rounds.begin(), rounds.end());
  std::printf("%u rows of %u tokens, %u keys: %.3f ms a step (median of %d rounds, best %.3f)\n",
              options.rows, options.tokens, options.keys, rounds[rounds.size() / 2], options.rounds,
              rounds[0]);
  times.print(options.steps * options.rounds);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Decode steps of a model in process.");
  app.add_option("model", options.model, "folder of a decoder")->required();
  app.add_option("--rows", options.rows, "sequences")->check(CLI::Range(1, 4096));
  app.add_option("--keys", options.keys, "of each sequence")->check(CLI::Range(1, 1 << 20));
  app.add_option("--tokens", options.tokens, "new ones of each sequence in a step")
      ->check(CLI::Range(1, 1 << 16));
  app.add_option("--source", options.source, "tokens of each sequence's source; 0: it has none")
      ->check(CLI::Range(0, 1 << 16));
  app.add_option("--steps", options.steps, "of a round")->check(CLI::Range(1, 1 << 20));
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000));
  app.add_option("--threads", options.threads, "0: all cores")->check(CLI::NonNegativeNumber);
  app.add_flag("--dummy", options.dummy, "random weights");
  app.add_flag("--float32", options.float32, "instead of bfloat16");
  app.add_flag("--detail", options.detail, "time each operation");
  CLI11_PARSE(app, argc, argv);
  if (options.tokens > options.keys) {
    std::fprintf(stderr, "--tokens is %u, which is over --keys %u\n", options.tokens, options.keys);
    return 2;
  }
  if (auto measured = measure(options); !measured) {
    std::fprintf(stderr, "%s\n", measured.error().message.c_str());
    return 1;
  }
}
