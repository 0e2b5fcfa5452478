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

/// What a step held.
struct StepWork {
  double prompt_work = 0;
  uint32_t decodes = 0;                // rows that decode
  uint32_t drafts = 0, came_true = 0;  // guesses in them
};

/// Learns a model's pace from its steps and predicts from it. Step thread only.
class Outlooks {
 public:
  Outlooks(const ModelSpec& spec, const SchedulerOptions& options)
      : spec_(spec), options_(options) {}

  void step(const StepWork& work, double seconds);
  /// Learns the lateness from a wait that was predicted as 0.5 s or more; one wait teaches a factor
  /// of 0.5 to 2.
  void started(TimePoint now, const Sequence& sequence);
  void first_token(TimePoint now, const Sequence& sequence);
  void finished(TimePoint now, const Sequence& sequence);

  /// What one more row costs a step in which `decodes` rows decode, in tokens: those that the step
  /// would give in the time of that row. Above 0, at most 1.
  double draft_cost(uint32_t decodes) const;

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
  Running used_;             // of the completions' limits, a share
  Running tokens_a_decode_;  // that a row which decodes gives: 1, and drafts that came true
  Running tokens_a_row_;     // the same, drafts counted as rows
};

}  // namespace weir::schedule
