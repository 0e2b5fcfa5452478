#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "weir/base/clock.h"

namespace weir::schedule {

/// Learns how long a step takes: fixed + a for each prompt token + b for each other row: one that
/// decodes, or a draft.
/// Least squares of relative errors with exponential forgetting, none of the three below 0, solved
/// by coordinate descent from the last solution: constant work a step, no trouble with steps that
/// are all alike, and one slow step weighs little.
class Pace {
 public:
  void step(double prompt_work, uint32_t rows, double seconds);
  double seconds(double prompt_work, double rows) const;
  /// Of late; of steps in which something decoded, once any did. 0: none yet.
  double step_seconds() const { return step_seconds_; }
  double rows() const { return rows_; }  // of late, in steps that had any

 private:
  std::array<std::array<double, 3>, 3> products_{};
  std::array<double, 3> targets_{}, costs_{};
  double step_seconds_ = 0, rows_ = 0;
};

/// The times to first token of the last 30 s, at most 1,024 of them.
class FirstTokens {
 public:
  void add(TimePoint now, double seconds);
  double p99(TimePoint now);  // 0: none

 private:
  std::deque<std::pair<TimePoint, double>> times_;
  std::vector<double> sorted_;
  double p99_ = 0;
  TimePoint looked_{};
  bool stale_ = false;
};

/// A mean that follows: the first value, then 5 % of each further one.
class Running {
 public:
  void add(double value) {
    mean_ = weight_ > 0 ? mean_ + 0.05 * (value - mean_) : value;
    weight_ = std::min(weight_ + 1, kMostWeight);
  }
  double value_or(double fallback) const { return weight_ > 0 ? mean_ : fallback; }
  /// How many values it stands for.
  double weight() const { return weight_; }

 private:
  static constexpr double kMostWeight = 100;
  double mean_ = 0, weight_ = 0;
};

}  // namespace weir::schedule
