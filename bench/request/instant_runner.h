#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "weir/schedule/plan.h"

namespace weir::bench {

/// A model whose step takes `row_time` a row and nothing else: what a request costs around it is
/// what remains. It takes any ids; every token is the same; vectors look like a real encoder's.
class InstantRunner final : public schedule::Runner {
 public:
  InstantRunner(schedule::ModelSpec spec, uint32_t vector_size, std::chrono::nanoseconds row_time)
      : spec_(std::move(spec)), row_time_(row_time), vector_(vector_size) {
    spec_.vocabulary = std::numeric_limits<int32_t>::max();
    for (size_t i = 0; i < vector_.size(); ++i)
      vector_[i] = static_cast<float>(i * 2654435761U % 100000) / 1e6f - 0.05f;
  }

  const schedule::ModelSpec& spec() const override { return spec_; }
  int depth() const override { return 0; }

  Result<void> launch(const schedule::StepPlan& plan) override {
    const auto end = Clock::now() + row_time_ * static_cast<int64_t>(plan.rows.size());
    while (row_time_.count() > 0 && Clock::now() < end) {
    }
    for (const schedule::Row& row : plan.rows) outputs_.push_back(answer(row));
    return {};
  }

  Result<std::vector<work::Output>> collect() override { return std::exchange(outputs_, {}); }

 private:
  using Clock = std::chrono::steady_clock;

  work::Output answer(const schedule::Row& row) const {
    if (!row.wants_output) return {};
    if (spec_.generates()) return work::Token{kToken};
    return work::Readings{{{.columns = static_cast<uint32_t>(vector_.size()), .values = vector_}}};
  }

  static constexpr int32_t kToken = 1000;
  schedule::ModelSpec spec_;
  const std::chrono::nanoseconds row_time_;
  std::vector<float> vector_;
  std::vector<work::Output> outputs_;
};

}  // namespace weir::bench
