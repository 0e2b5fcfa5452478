#pragma once

#include <memory>

#include "weir/serve/service.h"
#include "weir/traffic/intake.h"

namespace weir::serve {

/// One request's visit to the intake. The intake outlives it.
class IntakePreparation final : public Preparation {
 public:
  IntakePreparation(traffic::IntakeVisit visit, TimePoint arrival)
      : visit_(std::move(visit)), arrival_(arrival) {}

  TimePoint arrival() const override { return arrival_; }
  Result<void> hold(size_t bytes) override { return visit_.hold(bytes); }
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
};

}  // namespace weir::serve
