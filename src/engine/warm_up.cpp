#include "engine/warm_up.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <span>

#include "engine/graph_buckets.h"

namespace weir::engine {
namespace {

/// What the rows of all steps point to.
struct Shared {
  work::TaskParams task = work::SamplingParams{};
  std::vector<schedule::PageId> pages;
};

work::Reads all_heads(const schedule::ModelSpec& spec) {
  work::Reads reads;
  for (uint32_t i = 0; i < spec.heads.size(); ++i) {
    reads.push_back({.head = i});
    if (spec.heads[i].by_token) reads.back().tokens = std::vector<uint32_t>{0};
  }
  return reads;
}

Shared shared_by(const schedule::ModelSpec& spec) {
  Shared shared;
  if (!spec.generates()) shared.task = all_heads(spec);
  shared.pages.resize(spec.memory.pages ? spec.pages : 0);
  std::iota(shared.pages.begin(), shared.pages.end(), 0);
  return shared;
}

Result<void> run(schedule::Runner& runner, const StepSize& size, const Shared& shared) {
  const std::vector<int32_t> ids(size.tokens, 0);
  const uint32_t page = std::max(runner.spec().page_size, 1u);
  const size_t pages = std::min<size_t>(shared.pages.size(), (size.tokens + page - 1) / page);
  schedule::StepPlan plan;
  plan.tokens = size.rows * size.tokens;
  for (uint32_t i = 0; i < size.rows; ++i) {
    schedule::Row row;
    row.id = i;
    row.tokens = ids;
    row.pages = std::span(shared.pages).first(pages);
    row.params = &shared.task;
    row.slot = runner.spec().memory.slot ? 0 : -1;
    if (runner.spec().memory.source) {
      row.source = std::span(ids).first(1);
      row.source_pages = std::span(shared.pages).first(1);
      row.source_tokens = 1;
    }
    row.wants_output = true;
    plan.rows.push_back(row);
  }
  if (auto launched = runner.launch(plan); !launched) return launched;
  auto outputs = runner.collect();
  return outputs ? Result<void>() : Result<void>(std::move(outputs.error()));
}

}  // namespace

std::vector<StepSize> warm_up_steps(const schedule::ModelSpec& spec, uint32_t rows,
                                    uint32_t tokens) {
  const uint32_t all = spec.step_tokens(tokens), longest = std::min(spec.max_tokens, all);
  std::vector<StepSize> steps{{std::clamp(all / longest, 1u, rows), longest}};
  for (uint32_t each = longest; each > 1; each = std::bit_floor(each - 1))
    steps.push_back({1, each});
  if (!spec.memory.pages) return steps;
  for (const int32_t bucket : buckets_to(static_cast<int32_t>(rows)))
    steps.insert(steps.end(), 2, {static_cast<uint32_t>(bucket), 1});
  return steps;
}

Result<void> warm_up(schedule::Runner& runner, const std::vector<StepSize>& steps,
                     Progress& progress) {
  const Shared shared = shared_by(runner.spec());
  for (size_t done = 0; done < steps.size(); ++done) {
    progress.set("warming up",
                 100.0 * static_cast<double>(done) / static_cast<double>(steps.size()));
    if (auto ran = run(runner, steps[done], shared); !ran) return ran;
  }
  return {};
}

}  // namespace weir::engine
