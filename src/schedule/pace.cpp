#include "schedule/pace.h"

#include <algorithm>
#include <cmath>

namespace weir::schedule {
namespace {

constexpr double kKeep = 0.99;  // of what was learned, a step
constexpr double kFollow = 0.1;
constexpr int kSweeps = 4;
constexpr auto kWindow = std::chrono::seconds(30);
constexpr size_t kMostTimes = 1024, kFew = 64;
constexpr auto kFresh = std::chrono::milliseconds(100);

}  // namespace

void Pace::step(double prompt_work, uint32_t rows, double seconds) {
  if (seconds <= 0) return;
  // Prompts alone say little of the steps that what runs will take, as long as anything decodes.
  const bool first = rows_ == 0 && (rows > 0 || step_seconds_ == 0);
  if (rows > 0 || rows_ == 0) step_seconds_ += (first ? 1 : kFollow) * (seconds - step_seconds_);
  if (rows > 0) rows_ += (rows_ > 0 ? kFollow : 1) * (rows - rows_);
  const std::array<double, 3> parts{1 / seconds, prompt_work / seconds, rows / seconds};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) products_[i][j] = kKeep * products_[i][j] + parts[i] * parts[j];
    targets_[i] = kKeep * targets_[i] + parts[i];
  }
  for (int sweep = 0; sweep < kSweeps; ++sweep)
    for (size_t i = 0; i < 3; ++i) {
      if (products_[i][i] <= 0) continue;
      double rest = targets_[i];
      for (size_t j = 0; j < 3; ++j)
        if (j != i) rest -= products_[i][j] * costs_[j];
      costs_[i] = std::max(0.0, rest / products_[i][i]);
    }
}

double Pace::seconds(double prompt_work, double rows) const {
  return costs_[0] + costs_[1] * prompt_work + costs_[2] * rows;
}

void FirstTokens::add(TimePoint now, double seconds) {
  times_.emplace_back(now, seconds);
  if (times_.size() > kMostTimes) times_.pop_front();
  stale_ = true;
}

double FirstTokens::p99(TimePoint now) {
  while (!times_.empty() && times_.front().first + kWindow < now) {
    times_.pop_front();
    stale_ = true;
  }
  // Among many, one more changes little, and a step should cost little.
  if (!stale_ || (times_.size() > kFew && now - looked_ < kFresh)) return p99_;
  stale_ = false;
  looked_ = now;
  sorted_.clear();
  for (const auto& time : times_) sorted_.push_back(time.second);
  if (sorted_.empty()) return p99_ = 0;
  const auto at = sorted_.begin() + static_cast<std::ptrdiff_t>((sorted_.size() - 1) * 99 / 100);
  std::nth_element(sorted_.begin(), at, sorted_.end());
  return p99_ = *at;
}

}  // namespace weir::schedule
