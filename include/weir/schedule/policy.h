#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "weir/schedule/options.h"
#include "weir/schedule/sequence.h"

namespace weir::schedule {

/// Order and budget of a step, nothing else. Used by one scheduler, in the step thread.
class Policy {
 public:
  virtual ~Policy() = default;

  /// `sequence` begins to wait; again, if it was preempted.
  virtual void enter(Sequence& sequence) = 0;
  /// It waits no longer: admitted, or dropped.
  virtual void leave(Sequence& sequence) = 0;
  /// Who is admitted next; null when nobody waits. Nobody overtakes it: while it does not fit, it
  /// is asked again.
  virtual Sequence* next() = 0;

  /// Of two that run: does `a` keep its memory before `b`? A strict order that does not change
  /// while they run.
  virtual bool outranks(const Sequence& a, const Sequence& b) const = 0;

  /// What prompts may take of a step of `budget` tokens in which `decodes` rows decode, in the work
  /// of one token at position 0.
  virtual double prompt_room(uint32_t budget, uint32_t decodes) const = 0;

  /// `tokens` were planned for `sequence`: what a fair share is counted in.
  virtual void served(const Sequence& sequence, uint32_t tokens) = 0;
};

/// Higher priority first, then first come first served. Decodes go first; beside them prompts take
/// what chunk_beside() says.
class PriorityPolicy final : public Policy {
 public:
  explicit PriorityPolicy(const SchedulerOptions& options) : options_(options) {}

  void enter(Sequence& sequence) override { waiting_.insert(&sequence); }
  void leave(Sequence& sequence) override { waiting_.erase(&sequence); }
  Sequence* next() override { return waiting_.empty() ? nullptr : *waiting_.begin(); }
  bool outranks(const Sequence& a, const Sequence& b) const override { return Rank()(&a, &b); }
  double prompt_room(uint32_t budget, uint32_t decodes) const override;
  void served(const Sequence&, uint32_t) override {}

 private:
  struct Rank {
    bool operator()(const Sequence* a, const Sequence* b) const {
      if (a->request.priority != b->request.priority)
        return a->request.priority > b->request.priority;
      return a->id < b->id;
    }
  };

  const SchedulerOptions options_;
  std::set<Sequence*, Rank> waiting_;
};

}  // namespace weir::schedule
