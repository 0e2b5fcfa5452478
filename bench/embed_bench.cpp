// Embeddings, and what else is read, in process, without HTTP, tokenizer and scheduler: what the
// engine alone does with batches of random tokens, as onnxruntime is measured in process. Prints
// one line of JSON.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "weir/arch/table.h"
#include "weir/engine/load.h"

namespace {

using namespace weir;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model, dtype = "bfloat16";
  uint32_t tokens = 32, batch = 32;
  double seconds = 3;
  int threads = 0;
  std::vector<std::string> heads;  // folders of further heads
  std::vector<std::string> tasks = {"embed"};
};

/// What each text asks: the heads of `tasks`; of a tagger every second token, as of words of two.
work::TaskParams reads_of(const Options& options, const std::vector<folder::HeadCard>& heads) {
  work::Reads reads;
  for (uint32_t i = 0; i < heads.size(); ++i) {
    const char* task = folder::to_string(heads[i].task);
    if (std::ranges::find(options.tasks, task) == options.tasks.end()) continue;
    reads.push_back({.head = i});
    if (heads[i].task != folder::HeadTask::tag) continue;
    reads.back().tokens.emplace();
    for (uint32_t token = 1; token < options.tokens; token += 2)
      reads.back().tokens->push_back(token);
  }
  return reads;
}

/// One step of whole prompts, each of its own tokens.
class Batch {
 public:
  Batch(const Options& options, const engine::Description& model, std::mt19937& random)
      : params_(reads_of(options, model.heads)) {
    std::uniform_int_distribution<int32_t> any(0, static_cast<int32_t>(model.shape.vocabulary) - 1);
    prompts_.resize(options.batch);
    for (auto& prompt : prompts_) {
      for (uint32_t i = 0; i < options.tokens; ++i) prompt.push_back(any(random));
      plan_.rows.push_back({.id = plan_.rows.size() + 1,
                            .tokens = prompt,
                            .params = &params_,
                            .wants_output = true});
      plan_.tokens += options.tokens;
    }
  }
  Batch(const Batch&) = delete;

  Result<void> run(schedule::Runner& runner) const {
    if (auto launched = runner.launch(plan_); !launched) return launched.error();
    auto outputs = runner.collect();
    if (!outputs) return outputs.error();
    for (const auto& output : *outputs)
      if (!std::holds_alternative<work::Readings>(output))
        return invalid("the model gives no numbers");
    return {};
  }

 private:
  const work::TaskParams params_;
  std::vector<std::vector<int32_t>> prompts_;
  schedule::StepPlan plan_;
};

Result<void> measure(const Options& options) {
  auto device = engine::Device::open({.kind = engine::DeviceKind::cpu, .threads = options.threads});
  if (!device) return device.error();
  (*device)->enter();
  Progress progress;
  const engine::LoadOptions wanted{
      .directory = options.model,
      .heads = options.heads,
      .dtype = options.dtype == "float32" ? engine::DType::float32 : engine::DType::bfloat16,
      .max_sequences = options.batch,
      .max_batch_tokens = options.batch * options.tokens};
  auto loaded = engine::load(wanted, arch::table(), **device, progress);
  if (!loaded) return loaded.error();
  if (options.tokens > loaded->description.max_model_len)
    return invalid("tokens is " + std::to_string(options.tokens) + "; this model takes " +
                   std::to_string(loaded->description.max_model_len));

  std::mt19937 random(std::random_device{}());
  std::vector<std::unique_ptr<Batch>> batches;
  while (batches.size() < 8)
    batches.push_back(std::make_unique<Batch>(options, loaded->description, random));
  schedule::Runner& runner = *loaded->runner;
  for (int i = 0; i < 3; ++i)
    if (auto ran = batches[0]->run(runner); !ran) return ran;

  size_t steps = 0;
  double spent = 0;
  for (const auto begin = Clock::now(); spent < options.seconds;
       spent = std::chrono::duration<double>(Clock::now() - begin).count(), ++steps)
    if (auto ran = batches[steps % batches.size()]->run(runner); !ran) return ran;
  const double texts = static_cast<double>(steps) * options.batch;
  std::printf(
      "{\"dtype\":\"%s\",\"tokens\":%u,\"batch\":%u,\"texts_per_s\":%.1f,\"tokens_per_s\":%.0f,"
      "\"step_ms\":%.3f,\"device\":\"%s\"}\n",
      loaded->description.dtype.c_str(), options.tokens, options.batch, texts / spent,
      texts * options.tokens / spent, spent / static_cast<double>(steps) * 1e3,
      (*device)->name().c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Embeddings of random tokens in process; one line of JSON.");
  app.add_option("model", options.model, "folder of an encoder")->required();
  app.add_option("dtype", options.dtype)->check(CLI::IsMember({"float32", "bfloat16"}));
  app.add_option("tokens", options.tokens, "of each text")->check(CLI::Range(1, 1 << 20));
  app.add_option("batch", options.batch, "texts of a step")->check(CLI::Range(1, 1 << 16));
  app.add_option("seconds", options.seconds)->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads, "0: all cores")->check(CLI::NonNegativeNumber);
  app.add_option("--head", options.heads, "folder of a further head");
  app.add_option("--task", options.tasks, "of the heads to read")
      ->check(CLI::IsMember({"embed", "classify", "tag"}));
  CLI11_PARSE(app, argc, argv);
  if (auto measured = measure(options); !measured) {
    std::fprintf(stderr, "%s\n", measured.error().message.c_str());
    return 1;
  }
}
