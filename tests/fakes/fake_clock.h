#pragma once

#include <atomic>

#include "weir/base/clock.h"

namespace weir::fakes {

/// Time that passes when the test says so. Thread-safe.
class FakeClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint(Duration(now_.load())); }
  void advance(Duration by) { now_ += by.count(); }

 private:
  std::atomic<Duration::rep> now_ = Duration(std::chrono::hours(1)).count();
};

}  // namespace weir::fakes
