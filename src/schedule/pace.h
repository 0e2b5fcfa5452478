#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "weir/base/clock.h"

namespace weir::schedule {

/// Learns how long a step takes: fixed + a for each prompt token + b for each other row (a row that
/// decodes, or a draft). Least squares of relative errors with exponential forgetting; none of the
/// three is below 0. Solved by coordinate descent from the last solution, so a step costs constant
/// work, steps may be all alike, and one slow step weighs little.
class Pace {
 public:
  void step(double prompt_work, uint32_t rows, double seconds);
  double seconds(double prompt_work, double rows) const;
  /// Of a recent step; once any step decoded, of those that did. 0: none yet.
  double step_seconds() const { return step_seconds_; }
  double rows() const { return rows_; }  // of a recent step that had any

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

/// A mean that follows its values: it begins at the first, and each further value moves it by 5 %
/// of the difference.
class Running {
 public:
  void add(double value) {
    mean_ = weight_ > 0 ? mean_ + 0.05 * (value - mean_) : value;
    weight_ = std::min(weight_ + 1, kMostWeight);
  }
  double value_or(double fallback) const { return weight_ > 0 ? mean_ : fallback; }
  /// How many values it stands for; at most 100.
  double weight() const { return weight_; }

 private:
  static constexpr double kMostWeight = 100;
  double mean_ = 0, weight_ = 0;
};

}  // namespace weir::schedule
