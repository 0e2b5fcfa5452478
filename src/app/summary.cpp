#include "app/summary.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "weir/base/log_line.h"

namespace weir::app {
namespace {

struct Speed {
  double prompt = 0, completion = 0;  // tokens in a second
};

void write(const Summary::Activity& now, Speed speed) {
  const auto count = [](double value) { return static_cast<int64_t>(std::llround(value)); };
  const int64_t prompt = count(speed.prompt), completion = count(speed.completion);
  const double used = std::round(now.computed.memory_usage * 1000) / 1000;
  log_fields(LogLevel::info, "summary",
             {{"model", now.model, "model " + now.model + ":", 24},
              {"running", static_cast<int64_t>(now.running), fmt::format("{} run,", now.running)},
              {"waiting", static_cast<int64_t>(now.waiting), fmt::format("{} wait;", now.waiting)},
              {"prompt_tokens_per_s", prompt, fmt::format("{} prompt", prompt)},
              {"completion_tokens_per_s", completion, fmt::format("+ {} tok/s;", completion)},
              {"kv_cache_usage", used, fmt::format("cache {:.0f}% full", used * 100)}});
}

}  // namespace

void Summary::look(const std::function<std::vector<Activity>()>& activity) {
  const std::chrono::duration<double> passed = clock_.now() - last_;
  if (passed < kSummaryEvery) return;
  last_ = clock_.now();
  for (const Activity& now : activity()) {
    schedule::Scheduler::Computed& before = before_[now.model];
    const auto rate = [&](uint64_t total, uint64_t then) {
      return static_cast<double>(total - then) / passed.count();
    };
    const Speed speed{rate(now.computed.prompt_tokens, before.prompt_tokens),
                      rate(now.computed.completion_tokens, before.completion_tokens)};
    before = now.computed;
    if (now.running + now.waiting > 0 || speed.prompt > 0 || speed.completion > 0)
      write(now, speed);
  }
}

}  // namespace weir::app
