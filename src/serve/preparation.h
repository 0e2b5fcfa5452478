#pragma once

#include <memory>

#include "weir/base/metrics.h"
#include "weir/serve/service.h"
#include "weir/traffic/intake.h"

namespace weir::serve {

/// One request's visit to the intake. The intake and the metrics outlive it.
class IntakePreparation final : public Preparation {
 public:
  IntakePreparation(traffic::IntakeVisit visit, TimePoint arrival, Metrics& metrics)
      : visit_(std::move(visit)), arrival_(arrival), metrics_(metrics) {}

  Result<void> hold(size_t bytes) override {
    auto held = visit_.hold(bytes);
    if (!held) metrics_.intake_refused();
    return held;
  }
  Result<void> enter(const Caller& caller) override {
    traffic::Patience patience{.gone = caller.gone, .deadline = std::nullopt};
    if (caller.timeout) patience.deadline = arrival_ + *caller.timeout;
    return visit_.enter(patience);
  }
  void run(const std::function<void()>& work) override { visit_.run(work); }
  void leave() override { visit_.leave(); }

 private:
  traffic::IntakeVisit visit_;
  const TimePoint arrival_;
  Metrics& metrics_;
};

}  // namespace weir::serve
