#pragma once

#include <memory>
#include <span>

#include "schedule/pace.h"
#include "weir/schedule/options.h"
#include "weir/schedule/plan.h"
#include "weir/schedule/policy.h"
#include "weir/schedule/sequence.h"
#include "weir/work/outlook.h"

namespace weir::schedule {

/// Learns a model's pace from its steps and says what is to come. Step thread only.
class Outlooks {
 public:
  Outlooks(const ModelSpec& spec, const SchedulerOptions& options)
      : spec_(spec), options_(options) {}

  void step(double prompt_work, uint32_t decodes, double seconds);
  void started(TimePoint now, const Sequence& sequence);
  void first_token(TimePoint now, const Sequence& sequence);
  void finished(TimePoint now, const Sequence& sequence);

  /// Work grows with `running` only.
  work::Outlook now(TimePoint now, std::span<const std::unique_ptr<Sequence>> running,
                    const Policy& policy);

 private:
  double rows_left(const Sequence& sequence) const;

  const ModelSpec spec_;
  const SchedulerOptions options_;
  Pace pace_;
  FirstTokens first_tokens_;
  Running seat_seconds_;
  Running lateness_;
  Running used_;  // of the completions' limits, a share
};

}  // namespace weir::schedule
