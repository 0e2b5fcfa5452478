#pragma once

#include <atomic>

#include "weir/base/clock.h"

namespace weir::fakes {

/// Time that passes when the test says so. Thread-safe.
class ManualClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint(Duration(ticks_.load())); }
  void advance(Duration by) { ticks_ += by.count(); }

 private:
  std::atomic<Duration::rep> ticks_{Duration(std::chrono::hours(1)).count()};
};

}  // namespace weir::fakes
